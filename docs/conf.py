"""Sphinx configuration; `make docs` builds the site into `docs/_build/html`."""

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
    "sphinx_copybutton",
    "sphinx_design",
]
root_doc = "index"
exclude_patterns = ["_build", "notebooks/execute.py"]
suppress_warnings = ["mystnb.unknown_mime_type"]

# Markdown
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the notebooks are stored with their figures

# API
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "exclude-members": "call, build, get_config"}
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


def setup(app):
    """Write the pages of the reference that come from the programs."""
    app.connect("builder-inited", lambda app: write_reference(Path(app.srcdir)))
