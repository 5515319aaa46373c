"""The examples in the docstrings of what works without Keras run, and print what they show."""

import doctest
import importlib

import pytest

MODULES = (
    "edge.classification",
    "edge.classifier",
    "edge.classifications",
    "images.beam",
    "plots.source",
    "images.cutout",
    "images.fits_source",
    "images.objects",
    "images.position",
    "images.quantities",
    "tables.astropy_table",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(f"keras_astroattn.{name}")
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0
