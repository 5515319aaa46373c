"""The examples in the docstrings of what works without Keras run, and print what they show."""

import doctest
import importlib

import pytest

MODULES = (
    "edge.classification",
    "edge.classifier",
    "edge.classifications",
    "edge.results",
    "images.beam",
    "plots.source",
    "plots.style",
    "samples",
    "images.cutout",
    "images.ellipse",
    "images.field_cutout",
    "images.fits_map",
    "images.fits_source",
    "images.objects",
    "images.picture",
    "images.position",
    "images.quantities",
    "tables.astropy_table",
    "tables.regions_writer",
    "tables.writers",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples write files
    module = importlib.import_module(f"keras_astroattn.{name}")
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


OBJECTS = (
    *("edge.Classification", "edge.Classifications", "edge.Classifier", "edge.Classifier.classify"),
    *("edge.Classifier.explain", "edge.Classification.plot", "edge.read_result"),
    *("images.Beam", "images.Cutout", "images.Ellipse", "images.FitsMap"),
    *("images.cutout_from_field", "images.read_fits", "images.read_image", "images.read_source"),
    *("images.parse_position", "plots.draw_source", "plots.source_figure", "plots.save_figure"),
    *("samples.sample_paths", "tables.to_astropy", "tables.write_regions", "tables.write_table"),
)
"""What a user calls from Python to read, classify, draw and write sources."""


@pytest.mark.parametrize("name", OBJECTS)
def test_help_shows_an_example(name):
    package, *names = name.split(".")
    found = importlib.import_module(f"keras_astroattn.{package}")
    for one in names:
        found = getattr(found, one)
    assert ">>> " in found.__doc__
    # The test above runs it.
    assert f".{found.__module__}".removeprefix(".keras_astroattn.") in MODULES
