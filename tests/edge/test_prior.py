"""Probabilities for an expected share of FRI."""

import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.edge import Calibration, Classifier, open_model
from keras_astroattn.edge.calibration import ModelName
from keras_astroattn.edge.model_file import ModelFile
from keras_astroattn.edge.prior import prior_calibration
from keras_astroattn.errors import InputError


def trained_with(model_path, share) -> ModelFile:
    """The tiny model, with another stated share of FRI."""
    opened = open_model(model_path)
    metadata = dict(opened.metadata) | {"data": {"fri_share": share}}
    return ModelFile(opened.name, opened.path, opened.content, metadata)


def test_odds_are_multiplied_by_the_ratio_of_the_priors(model_path):
    # Share of FRI 0.2 instead of 0.5: the odds of FRII grow by 4.
    opened = trained_with(model_path, 0.5)
    plain = Classifier(opened).classify(radio_galaxy())
    found = Classifier(opened, prior=0.2).classify(radio_galaxy())
    assert found.p_frii / found.p_fri == pytest.approx(4 * plain.p_frii / plain.p_fri, rel=1e-4)


def test_the_share_of_the_training_changes_nothing(model_path):
    opened = trained_with(model_path, 0.4)
    found = Classifier(opened, prior=0.4).classify(radio_galaxy())
    assert found.p_fri == pytest.approx(Classifier(opened).classify(radio_galaxy()).p_fri, abs=1e-6)


def test_the_name_states_the_prior(model_path):
    found = Classifier(trained_with(model_path, 0.5), tta=2, prior=0.3).name
    assert found == "tiny (tta 2) (prior 0.3)"
    assert ModelName.parse(found) == ModelName("tiny", 2, None, 0.3)
    small = prior_calibration(trained_with(model_path, 0.5), "tiny", 2.5e-5).name
    assert ModelName.parse(small).prior == 2.5e-5


def test_the_models_thresholds_stay(model_path):
    opened = trained_with(model_path, 0.5)
    assert Classifier(opened, prior=0.3).rules == Classifier(opened).rules


@pytest.mark.parametrize("prior", [0, 1, -0.3, 30, float("nan")])
def test_a_prior_that_is_no_share_is_refused(model_path, prior):
    with pytest.raises(InputError, match=r"prior .*: give the expected share of FRI, between 0"):
        Classifier(trained_with(model_path, 0.5), prior=prior)


def test_a_model_without_its_share_is_refused(model_path):
    with pytest.raises(InputError, match="tiny does not state the share of FRI"):
        Classifier(trained_with(model_path, None), prior=0.3)


def test_a_calibration_and_a_prior_are_refused(model_path):
    with pytest.raises(InputError, match="exclude each other"):
        Classifier(model_path, calibration=Calibration("tiny", 2.0, 0.0), prior=0.3)
