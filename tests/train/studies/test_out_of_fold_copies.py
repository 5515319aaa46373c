"""Degraded copies for the thresholds, and who classifies them."""

from pathlib import Path

import numpy as np
import pytest

from keras_astroattn import models
from keras_astroattn.datasets import load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.models import loading
from train.cross_validation import FOLDS, folds
from train.studies.thresholds import out_of_fold
from train.studies.thresholds.populations import LEAST_SIZE


class Constant:
    """A network that answers with the number of its part, and counts its images."""

    def __init__(self, part: int):
        self.part, self.images = part, 0

    def predict_on_batch(self, images):
        self.images += len(images)
        assert images.shape[1:] == (150, 150, 1)
        return np.tile([0.0, float(self.part)], (len(images), 1))


@pytest.fixture
def sources(monkeypatch):
    found = load_sources("simulated", "test").select(slice(0, 20))
    monkeypatch.setattr(out_of_fold, "load_sources", lambda *_: found)
    return found


def test_each_copy_is_classified_by_the_network_that_did_not_see_its_source(sources, monkeypatch):
    networks = {f"{part}.keras": Constant(part) for part in range(FOLDS)}
    monkeypatch.setattr(loading, "load_network", networks.get)
    monkeypatch.setattr(models, "sees_source_alone", lambda network: True)
    done = []
    probabilities, copies = out_of_fold.classified_copies(
        [Path(name) for name in networks], 2.0, None, lambda *args: done.append(args), copies=1
    )
    assert done[-1] == (20, 20)
    assert len(probabilities) == len(copies) > 10
    # Logits 0 and k, divided by the temperature 2, in the order of the parts.
    part = np.rint(2 * np.log(probabilities[:, 1] / probabilities[:, 0])).astype(int)
    assert (np.diff(part) >= 0).all()
    for number, (held_out, network) in enumerate(
        zip(folds(sources.label), networks.values(), strict=True)
    ):
        mine = part == number
        assert network.images == mine.sum() <= len(held_out)
        assert copies.label[mine].sum() <= sources.label[held_out].sum()
    assert (copies.size >= LEAST_SIZE).all()
    assert copies.true_size is None
    assert copies.neighbours is None
    assert list(copies.selections()) == ["degraded images of MiraBest"]


def test_a_part_without_a_network_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"fold0.keras is missing: run python -m train.cross_v"):
        out_of_fold.fold_networks(tmp_path, "alone-survey")
    (tmp_path / "alone-survey").mkdir()
    for part in range(FOLDS):
        (tmp_path / "alone-survey" / f"epochs5-seed0-fold{part}.keras").touch()
    found = out_of_fold.fold_networks(tmp_path, "alone-survey")
    assert [path.stem[-1] for path in found] == list("01234")


def test_the_first_parts_are_enough(sources, monkeypatch):
    monkeypatch.setattr(loading, "load_network", lambda path: Constant(int(path[0])))
    monkeypatch.setattr(models, "sees_source_alone", lambda network: False)
    done = []
    _, copies = out_of_fold.classified_copies(
        [Path("0.keras")], 1.0, None, lambda *args: done.append(args), copies=1
    )
    assert done[-1] == (4, 4)
    assert 0 < len(copies) <= 4
