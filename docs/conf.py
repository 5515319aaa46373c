"""Sphinx configuration; `make docs` builds the site into `docs/_build/html`."""

import contextlib
import inspect
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]  # `train` and `export` are not installed

from generated_reference import write_reference  # noqa: E402

import keras_astroattn  # noqa: E402

project = "keras-astroattn"
author = "the keras-astroattn developers"
copyright = author
version = release = keras_astroattn.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
]
root_doc = "index"
exclude_patterns = ["_build", "notebooks/execute.py"]
suppress_warnings = ["mystnb.unknown_mime_type"]
smartquotes_action = "qe"  # quotes and ellipses; an option keeps its two hyphens

# Markdown
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebooks are stored with their figures

# API
KERAS_METHODS = "call, build, get_config, from_config, compute_output_shape, compute_output_spec"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "exclude-members": KERAS_METHODS}
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# HTML
html_theme = "pydata_sphinx_theme"
html_title = "keras-astroattn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {"index": []}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def show_equations(app, what, name, obj, options, lines):
    """Show the indented paragraphs of a docstring, its equations, as they are written."""
    shown, in_equation, in_section = [], False, False
    for line in lines:
        indented = line.startswith("    ")
        if line and not indented:
            in_section = line.rstrip().endswith(":") and " " not in line.strip()
            in_equation = False
        if indented and not in_section and not in_equation and not (shown and shown[-1].strip()):
            shown += ["::", ""]
            in_equation = True
        shown.append(line if in_equation else escaped(line))
    lines[:] = shown


def escaped(line):
    """Keep bars and stars outside code from being read as markup."""
    if line.lstrip().startswith("*"):  # **kwargs of a section, which napoleon reads
        return line
    parts = line.split("`")
    parts[::2] = [part.replace("|", r"\|").replace("*", r"\*") for part in parts[::2]]
    return "`".join(parts)


def show_init(app, what, name, obj, options, signature, return_annotation):
    """Show the arguments of `__init__`: Keras hides them behind those of its `__new__`."""
    if what == "class" and signature in ("(*args, **kwargs)", None):
        with contextlib.suppress(TypeError, ValueError):
            arguments = inspect.signature(obj.__init__)
            own = list(arguments.parameters.values())[1:]
            bare = [one.replace(annotation=inspect.Parameter.empty) for one in own]
            signature = str(inspect.Signature(bare))
    return signature, return_annotation


def setup(app):
    """Connect the functions that make the reference from the programs."""
    app.connect("builder-inited", lambda app: write_reference(Path(app.srcdir)))
    app.connect("autodoc-process-docstring", show_equations, priority=100)
    app.connect("autodoc-process-signature", show_init)
