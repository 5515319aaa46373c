import numpy as np

CONFIDENT = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"


def test_both_scopes_in_one_pass_are_the_reference_outputs(published_dir, data_dir):
    from keras_astroattn.datasets import load_sources
    from keras_astroattn.images import to_network_units
    from keras_astroattn.models.published import load_published
    from train.paper.both_scopes import BothScopes

    with np.load(published_dir / "reference" / f"{CONFIDENT}.npz") as file:
        reference = dict(file)
    rows = slice(16)
    sources = load_sources("mirabest-confident", "test", data_dir)
    network = load_published(published_dir / "checkpoints" / CONFIDENT)
    outputs = BothScopes(network, ("batch", "sample")).predict_on_batch(
        to_network_units(sources.image[rows, ..., np.newaxis])
    )
    for scope, name, tolerance in (("batch", "batch16", 5e-3), ("sample", "single", 5e-4)):
        logits = np.asarray(outputs[f"{scope}/logits"], np.float64)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(
            probabilities, reference[f"probabilities_{name}"][rows], atol=tolerance
        )
    shown = [row for row in reference["attention_rows"] if row < 16]
    places = np.flatnonzero(reference["attention_rows"] < 16)
    for gate in (1, 2, 3):
        maps = np.asarray(outputs[f"sample/attention_{gate}"])[shown]
        np.testing.assert_allclose(maps, reference[f"attention_{gate}"][places], atol=2e-4)
