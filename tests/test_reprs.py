"""No public object prints as `<... object at 0x...>`."""

import importlib
import inspect
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
from generated_reference import PACKAGES


def public_classes():
    for package in PACKAGES:
        module = importlib.import_module(f"keras_astroattn.{package}")
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) and value.__module__.startswith("keras_astroattn."):
                yield value


def test_every_public_class_states_what_its_objects_are():
    classes = list(public_classes())
    assert len(classes) > 60
    assert [one.__qualname__ for one in classes if one.__repr__ is object.__repr__] == []


def test_callbacks_and_services_are_described_in_one_line(tmp_path):
    pytest.importorskip("keras")
    from keras_astroattn.callbacks import EpochSeed, FiniteLoss, HistoryFile, TrainingProgress
    from keras_astroattn.fetch import Downloads
    from keras_astroattn.survey import Footprints

    assert repr(EpochSeed(3)) == "EpochSeed(3)"
    assert repr(FiniteLoss()) == "FiniteLoss()"
    assert repr(HistoryFile(tmp_path / "h.csv")) == f"HistoryFile({tmp_path / 'h.csv'}, 0 epochs)"
    assert repr(TrainingProgress(5)) == "TrainingProgress(5 epochs)"
    assert repr(Downloads(rate=2.0)) == "Downloads(2 a second, 4 tries)"
    assert repr(Footprints([])) == "Footprints(0 tiles, 0 unreadable)"
