"""The paper's weights as the reference files give them, through our metrics."""

import numpy as np
import pytest

from keras_astroattn.evaluation import (
    attention_statistics,
    evaluate_predictions,
    mean_map,
    wilson_interval,
)

CONFIDENT = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"
PROPOSED = "0709Exp1-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05"


def reference(published_dir, name):
    with np.load(published_dir / "reference" / f"{name}.npz") as file:
        return dict(file)


def test_published_confident_model_is_right_in_952_percent_alone_and_933_in_batches(published_dir):
    stored = reference(published_dir, CONFIDENT)
    alone = evaluate_predictions(stored["label"], stored["probabilities_single"], "clean")
    batched = evaluate_predictions(stored["label"], stored["probabilities_batch16"], "batches")
    assert alone.images == 104
    assert np.sum(alone.confusion, axis=1).tolist() == [49, 55]
    assert round(100 * alone.accuracy, 1) == 95.2
    assert round(100 * batched.accuracy, 1) == 93.3
    assert alone.accuracy_interval == wilson_interval(99 / 104, 104)


def test_saturated_probabilities_are_ties_in_single_precision(published_dir):
    stored = reference(published_dir, CONFIDENT)
    single = evaluate_predictions(stored["label"], stored["probabilities_single"])
    logits = stored["logits_single"].astype(np.float64)
    margin = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    double = evaluate_predictions(stored["label"], np.stack([1 - margin, margin], axis=1))
    assert double.accuracy == single.accuracy
    assert single.auc == pytest.approx(0.961, abs=0.001)
    assert double.auc == pytest.approx(0.967, abs=0.001)


@pytest.fixture(scope="module")
def test_images(data_dir, tmp_path_factory):
    from keras_astroattn.datasets import load_sources

    cache = tmp_path_factory.mktemp("cache")
    return load_sources("mirabest", "test", data_dir, cache_dir=cache).image


def statistics(published_dir, test_images, name):
    stored = reference(published_dir, name)
    gates = {f"gate {k}": stored[f"attention_{k}"] for k in (1, 2, 3)}
    return attention_statistics(test_images[stored["attention_rows"]], mean_map(gates, (150, 150)))


def test_the_proposed_model_attends_to_the_source(published_dir, test_images):
    verdict = statistics(published_dir, test_images, PROPOSED)
    assert not verdict.attends_zero_space
    assert np.all(verdict.enrichment > 1)


def test_the_sigmoid_model_attends_to_the_empty_sky(published_dir, test_images):
    name = "0709Exp2-sigmoid-MiraBestNOHYBRIDAdam-AGRadGalNetdeep_sup-5e-05"
    verdict = statistics(published_dir, test_images, name)
    assert verdict.attends_zero_space
    assert np.all(verdict.on_empty_sky)
