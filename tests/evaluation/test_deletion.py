import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import delete, deletion_order, patch_values
from keras_astroattn.images import REST, flux_patches

PATCHES = np.array([[[1, 1, 2], [3, 4, 0], [0, 0, REST]]])
IMAGE = np.array([[[10, 10, 20], [20, 20, 0], [0, 0, 20]]], np.uint8)
EVIDENCE = np.array([[1, 1, 3], [0.5, 2, 0], [0, 0, 0]])


def network(inputs):
    """Logits (0, sum of evidence x brightness): linear in the image."""
    pixels = (np.asarray(inputs)[..., 0] + 1) / 2 * 255
    score = (pixels * EVIDENCE).sum(axis=(1, 2))
    return np.stack([np.zeros_like(score), score], axis=-1)


def test_scores_step_by_step_computed_manually():
    order = np.array([2, 4, 1, 3])
    found = delete(network, IMAGE, PATCHES, {"known": [order]})["known"][0]
    # 1 * 20 + 3 * 20 + 0.5 * 20 + 2 * 20 = 130, less 60, 40, 20, 10; the speck says nothing
    np.testing.assert_allclose(found.margin, [130, 70, 30, 10, 0, 0], atol=1e-4)
    np.testing.assert_allclose(found.deleted, [0, 0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(found.probability[-3:], [1 / (1 + np.exp(-10)), 0.5, 0.5], atol=1e-5)
    # trapezia of width 0.2
    assert found.area(found.margin) == pytest.approx(0.2 * (65 + 70 + 30 + 10 + 0), abs=1e-4)
    np.testing.assert_allclose(found.at(np.array([0.1, 0.3]), found.margin), [100, 50], atol=1e-4)
    assert found.predicted == 1


def test_each_picture_is_asked_for_once_and_only_black_is_put_in():
    asked = []

    def remembering(inputs):
        asked.extend(np.asarray(inputs)[..., 0])
        return network(inputs)

    orders = {"one": [np.array([1, 2, 3, 4])], "other": [np.array([1, 2, 4, 3])]}
    delete(remembering, IMAGE, PATCHES, orders, batch_size=3)
    # nothing, 1, 12, 123, 124, 1234, all
    assert len(asked) == 7
    assert len({one.tobytes() for one in asked}) == 7
    whole = IMAGE[0].astype(np.float32) / 127.5 - 1
    for one in asked:
        same = np.isclose(one, whole, atol=1e-6)
        np.testing.assert_array_equal(one[~same], -1)


def test_an_order_may_end_early():
    found = delete(network, IMAGE, PATCHES, {"alone": [np.array([3])]})["alone"][0]
    np.testing.assert_allclose(found.margin, [130, 120, 0], atol=1e-4)
    np.testing.assert_allclose(found.deleted, [0, 0.2, 1])


def test_order_by_value_with_ties_by_lot():
    values = np.array([0.2, 0.9, 0.2, 0.5])
    found = {tuple(deletion_order(values, np.random.default_rng(seed))) for seed in range(20)}
    assert found == {(2, 4, 1, 3), (2, 4, 3, 1)}


def test_values_of_patches_are_means_or_sums_over_their_pixels():
    maps = np.array([[[1.0, 3.0, 5.0], [7.0, 9.0, 0.0], [0.0, 0.0, 100.0]]])
    np.testing.assert_allclose(patch_values(maps, PATCHES)[0], [2, 5, 7, 9])
    np.testing.assert_allclose(patch_values(maps, PATCHES, total=True)[0], [4, 5, 7, 9])


def test_attention_that_is_the_evidence_beats_chance_and_loses_when_turned_round():
    """A network that counts brightness where its map is high."""
    random = np.random.default_rng(3)
    y, x = np.indices((24, 24)) - 11.5
    image = np.where(np.hypot(x, y) < 9, 50, 0).astype(np.uint8)[np.newaxis]
    evidence = np.exp(-((x - 4) ** 2 + (y + 2) ** 2) / 20)

    def counts(inputs):
        score = ((np.asarray(inputs)[..., 0] + 1) * evidence).sum(axis=(1, 2)) / 8
        return np.stack([np.zeros_like(score), score], axis=-1)

    patches = flux_patches(image[0], 10)[np.newaxis]
    values = patch_values(evidence[np.newaxis], patches)[0]
    orders = {f"random {draw}": [1 + random.permutation(10)] for draw in range(50)}
    orders["attention"] = [deletion_order(values, random)]
    orders["reverse"] = [deletion_order(-values, random)]
    areas = {
        name: one[0].area(one[0].margin)
        for name, one in delete(counts, image, patches, orders).items()
    }
    chance = [area for name, area in areas.items() if name.startswith("random")]
    assert areas["attention"] < min(chance)
    assert areas["reverse"] > max(chance)
    # A linear score: the two orders are mirror images of each other.
    whole = counts(image[..., np.newaxis] / 127.5 - 1)[0, 1]
    assert areas["attention"] + areas["reverse"] == pytest.approx(whole, rel=0.02)
    assert np.mean(chance) == pytest.approx(whole / 2, rel=0.1)


def test_images_and_patches_must_go_together():
    with pytest.raises(InputError, match="as many of both"):
        delete(network, IMAGE.astype(float), PATCHES, {})
    with pytest.raises(InputError, match="as many of both"):
        delete(network, IMAGE[:, :2], PATCHES, {})
