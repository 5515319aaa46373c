import keras
import numpy as np
import pytest

from keras_astroattn.evaluation import Deletion, delete
from keras_astroattn.evaluation.faithfulness import (
    flipping_area,
    flipping_groups,
    map_faithfulness,
    oracle_share,
    rank_correlation,
    sufficiency,
)


def deletion(probabilities, deleted=None):
    """A deletion whose class 1 has these probabilities."""
    p = np.array(probabilities, float)
    logits = np.stack([np.log(1 - p), np.log(p)], axis=-1)
    deleted = np.linspace(0, 1, len(p)) if deleted is None else np.array(deleted, float)
    return Deletion(deleted, logits)


# Four patches of a quarter of the flux each; nothing is left for the last step.
QUARTERS = (0, 0.25, 0.5, 0.75, 1, 1)
HIGHEST = deletion([0.9, 0.5, 0.3, 0.1, 0.1, 0.1], QUARTERS)
LOWEST = deletion([0.9, 0.9, 0.8, 0.6, 0.1, 0.1], QUARTERS)
RANDOM = [
    deletion([0.9, 0.7, 0.5, 0.3, 0.1, 0.1], QUARTERS),
    deletion([0.9, 0.9, 0.5, 0.1, 0.1, 0.1], QUARTERS),
]


def test_a_map_is_measured_computed_manually():
    values = np.array([4.0, 1.0, 3.0, 2.0])
    losses = np.array([0.7, 0.1, 0.2, 0.3])
    found = map_faithfulness([HIGHEST], [LOWEST], [[one] for one in RANDOM], [values], [losses])
    # Areas by trapezia of width 1/4: half of the ends, and all between.
    highest = 0.25 * (0.45 + 0.5 + 0.3 + 0.1 + 0.05)  # 0.35
    lowest = 0.25 * (0.45 + 0.9 + 0.8 + 0.6 + 0.05)  # 0.70
    random = 0.25 * (0.45 + 1.5 + 0.05)  # 0.50, both draws
    np.testing.assert_allclose(found.deletion, highest - random)
    np.testing.assert_allclose(found.insertion, lowest - random)
    np.testing.assert_allclose(found.gain, 0.35)
    # Ranks 4 1 3 2 and 4 1 2 3: 1 - 6 (0 + 0 + 1 + 1) / (4 (16 - 1)) = 0.8.
    np.testing.assert_allclose(found.rank, 0.8)
    # One patch of four is left after three steps: 0.6, and by chance 0.3 and 0.1.
    np.testing.assert_allclose(found.sufficiency, 0.6 - 0.2)


def test_the_best_fifth_of_the_patches_is_kept():
    ten = deletion([0.9, *[0.8] * 7, 0.1, *[0.6] * 3])
    eleven = deletion([0.9, *[0.8] * 7, 0.2, *[0.6] * 4])
    # Two of ten are left after eight, three of eleven after eight.
    np.testing.assert_allclose(sufficiency([ten, eleven]), [0.1, 0.2])
    np.testing.assert_allclose(sufficiency([ten], kept=1.0), 0.9)


@pytest.mark.parametrize(
    ("values", "losses"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0])]
)
def test_ranks_that_mean_nothing_are_unknown(values, losses):
    assert np.isnan(rank_correlation(np.array(values), np.array(losses)))


def test_share_of_the_oracle_is_a_ratio_of_means():
    labels = np.array([0, 0, 1, 1])
    map_, oracle = np.array([-0.1, -0.2, 0.0, -0.1]), np.array([-0.2, -0.2, -0.2, -0.2])
    # A class's mean is at the ends of [-0.2, -0.1] and [-0.1, 0] in a quarter of the samples, both
    # classes' at once in a sixteenth, which is more than the 2.5 % beyond a bound.
    assert oracle_share(map_, oracle, labels) == pytest.approx((0.5, 0.25, 0.75))
    assert oracle_share(oracle, oracle, labels) == pytest.approx((1, 1, 1))
    assert np.isnan(oracle_share(map_, -oracle, labels)).all()


IMAGE = np.array([[[0, 5, 5], [5, 5, 0], [5, 5, 0]]], np.uint8)
MAP = np.array([[[9.0, 3.0, 1.0], [6.0, 5.0, 8.0], [4.0, 2.0, 7.0]]])


def test_pixels_of_the_source_are_flipped_by_their_rank():
    groups = flipping_groups(MAP, IMAGE, np.random.default_rng(0), steps=3)
    np.testing.assert_array_equal(groups, [[[0, 2, 3], [1, 1, 0], [2, 3, 0]]])
    # Ties are broken by chance.
    tied = {
        flipping_groups(np.ones((1, 3, 3)), IMAGE, np.random.default_rng(seed), 3).tobytes()
        for seed in range(5)
    }
    assert len(tied) > 1


def test_area_over_flipped_pixels_computed_manually():
    found = deletion([0.9, 0.5, 0.3, 0.1, 0.1])
    # Three steps of a third; the last entry repeats the third.
    assert flipping_area(found) == pytest.approx((0.45 + 0.5 + 0.3 + 0.05) / 3)


@pytest.mark.slow
def test_pixel_flipping_is_that_of_quantus():
    """The whole frame is source, so that both flip the same pixels."""
    quantus = pytest.importorskip(
        "quantus", reason="pip install 'keras-astroattn[faithfulness]' to compare with Quantus"
    )
    random = np.random.default_rng(4)
    images = random.integers(40, 256, (3, 6, 6)).astype(np.uint8)
    maps = random.normal(size=(3, 6, 6))
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    groups = flipping_groups(maps, images, random, steps=9)
    ours = delete(model, images, groups, {"flipping": [np.arange(1, 10)] * 3})["flipping"]
    metric = quantus.PixelFlipping(
        features_in_step=4,
        abs=False,
        normalise=False,
        perturb_baseline=-1.0,
        disable_warnings=True,
    )
    theirs = metric(
        model=keras.Sequential([model, keras.layers.Softmax()]),
        x_batch=images[..., np.newaxis].astype(np.float32) / 127.5 - 1,
        y_batch=np.array([one.predicted for one in ours]),
        # Quantus moves the channels of images to the front, and not those of maps.
        a_batch=maps[:, np.newaxis],
        channel_first=False,
        softmax=True,
    )
    np.testing.assert_allclose(
        np.array(theirs), [one.probability[1:-1] for one in ours], rtol=1e-5, atol=1e-6
    )
