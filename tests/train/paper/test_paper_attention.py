import numpy as np
import pytest


def gated_entry(folder, name, sign):
    """A network of one gate whose scores are multiplied by `sign`, kept as a run would."""
    import keras

    from keras_astroattn.models import AGCNN
    from train.paper.catalogue import Entry

    keras.utils.set_random_seed(3)
    model = AGCNN(gates=1, normalization="range_norm", input_shape=(32, 32, 1), psi_bias=0.0)
    psi = model.get_layer("gate_1").psi
    psi.set_weights([sign * weight for weight in psi.get_weights()])
    path = folder / f"{name}.keras"
    model.save(path)
    return Entry(name, 1, "range_norm", "ft", "simulated", 0, None, path, "sample")


def test_negating_the_scores_sends_attention_from_the_source_to_the_sky(tmp_path):
    """range_norm of -s is 1 - a, and the source has more than its part of one of the two."""
    from train.paper.attention import summarize_maps

    images = np.zeros((20, 32, 32), np.uint8)
    images[:, 12:20, 10:22] = np.random.default_rng(0).integers(100, 256, (20, 8, 12))
    one, negated = (
        summarize_maps(gated_entry(tmp_path, name, sign), images, images[:2])
        for name, sign in (("one", 1.0), ("negated", -1.0))
    )
    for name in ("gate 1", "mean"):
        np.testing.assert_array_equal(
            one.statistics[name].on_empty_sky, ~negated.statistics[name].on_empty_sky
        )
        np.testing.assert_allclose(negated.examples[name], 1 - one.examples[name], atol=1e-5)
    assert one.attends_zero_space != negated.attends_zero_space
    sky = one if one.attends_zero_space else negated
    assert sky.gates_on_zero_space == ["gate 1"]
    # With one gate the mean is its map at another size.
    assert one.mean_agreement("gate 1", "mean") == pytest.approx(1)


def test_a_summary_is_kept_and_a_damaged_one_is_not(tmp_path):
    from train.paper.attention import keep, kept, summarize_maps

    images = np.zeros((3, 32, 32), np.uint8)
    images[:, 10:20, 10:20] = 200
    entry = gated_entry(tmp_path, "one", 1.0)
    summary = summarize_maps(entry, images, images[:1])
    path = tmp_path / "kept.npz"
    keep(path, summary)
    back = kept(path, entry)
    assert list(back.statistics) == list(summary.statistics)
    np.testing.assert_array_equal(back.agreement, summary.agreement)
    for name, one in summary.statistics.items():
        np.testing.assert_array_equal(back.statistics[name].radius, one.radius)
        np.testing.assert_array_equal(back.examples[name], summary.examples[name])
    path.write_bytes(path.read_bytes()[:100])
    assert kept(path, entry) is None
