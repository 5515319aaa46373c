"""A network that sees the source alone gives one answer with any neighbour in the frame."""

import numpy as np
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.scoring import Scorer, Scoring
from keras_astroattn.cli.targets import Target
from keras_astroattn.edge import Classifier
from keras_astroattn.images import cutout_from_array

NEIGHBOUR = (slice(70, 76), slice(8, 14))


def with_neighbour() -> np.ndarray:
    """The source of `radio_galaxy`, and an unrelated one 65 pixels from it."""
    image = radio_galaxy()
    image[NEIGHBOUR] = image.max()
    return image


@pytest.fixture(scope="module")
def alone(alone_path) -> Classifier:
    return Classifier(alone_path)


def test_the_neighbour_is_no_part_of_the_source():
    mask = cutout_from_array(with_neighbour()).source_mask
    np.testing.assert_array_equal(mask, cutout_from_array(radio_galaxy()).source_mask)
    assert not mask[NEIGHBOUR].any()


def test_the_answer_is_the_same_with_a_neighbour(alone):
    one, other = (alone.classify(image) for image in (radio_galaxy(), with_neighbour()))
    assert (one.label, one.p_fri, one.p_frii) == (other.label, other.p_fri, other.p_frii)
    for ours, theirs in zip(one.attention.gates, other.attention.gates, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # The picture of the result is still that of the sky.
    assert other.cutout.pixels[NEIGHBOUR].all()


def test_other_networks_see_the_neighbour(votes_path):
    classifier = Classifier(votes_path)
    assert not classifier.sees_source_alone
    one, other = (classifier.classify(image) for image in (radio_galaxy(), with_neighbour()))
    assert one.p_fri != other.p_fri


def test_several_views_are_of_the_source_alone(alone_path):
    classifier = Classifier(alone_path, tta=2)
    one, other = (classifier.classify(image) for image in (radio_galaxy(), with_neighbour()))
    assert one.p_fri == other.p_fri


def test_nothing_outside_the_source_has_evidence(alone, votes_path):
    found = alone.attention(with_neighbour())
    mask = cutout_from_array(with_neighbour()).source_mask
    assert np.count_nonzero(found.evidence[mask])
    assert not found.evidence[~mask].any()
    assert Classifier(votes_path).attention(with_neighbour()).evidence[NEIGHBOUR].any()


def test_the_explanation_is_of_the_source_alone(alone, votes_path):
    one, other = (alone.explain(image) for image in (radio_galaxy(), with_neighbour()))
    assert one.to_dict() == other.to_dict()
    assert other.classification.cutout.pixels[NEIGHBOUR].all()
    names = [part.name for part in Classifier(votes_path).explain(with_neighbour()).components]
    assert "other emission" in names
    assert "other emission" not in [part.name for part in other.components]


def test_the_command_writes_the_answer_of_the_source_alone(alone, alone_path, tmp_path):
    rows = []
    for name, image in (("one", radio_galaxy()), ("other", with_neighbour())):
        np.save(tmp_path / f"{name}.npy", image)
        scoring = Scoring(str(alone_path), attention=tmp_path, explain=True)
        with Scorer(scoring) as scorer:
            rows.append(scorer.score(Target(str(tmp_path / f"{name}.npy"), name)))
    one, other = rows
    assert one["p_fri"] == other["p_fri"] == alone.classify(radio_galaxy()).p_fri
    assert one["explanation"] == other["explanation"]
