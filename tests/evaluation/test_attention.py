import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import (
    REGIONS,
    attention_statistics,
    frame_regions,
    mean_map,
    named_maps,
    pairwise_agreement,
    region_enrichment,
    resize_maps,
)


@pytest.fixture
def small():
    """A 4 x 4 image with two source pixels side by side, flux 3 and 1, and a map of it."""
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, 1, 1], image[0, 1, 2] = 3, 1
    attention = np.full((1, 4, 4), 0.5)
    attention[0, 1, 1], attention[0, 1, 2], attention[0, 3, 3] = 0.9, 0.6, 1.0
    return image, attention


def test_small_case_computed_manually(small):
    result = attention_statistics(*small)
    # Above the minimum of 0.5: 0.4 and 0.1 on the source, 0.5 off it.
    np.testing.assert_allclose(result.share, 0.5)
    np.testing.assert_allclose(result.area, 2 / 16)
    np.testing.assert_allclose(result.enrichment, 4.0)
    # Each source pixel beats 13 of the 14 sky pixels.
    np.testing.assert_allclose(result.preference, 13 / 14)
    # Flux centre (1, 1.25); flux at 0.25 and 0.75 from it, weights 3 and 1.
    np.testing.assert_allclose(result.source_radius, 1.8 * np.sqrt((3 / 16 + 9 / 16) / 4))
    # Attention at (1, 1), (1, 2), (3, 3): squared distances 1/16, 9/16, 4 + 49/16.
    moment = 0.4 / 16 + 0.1 * 9 / 16 + 0.5 * (4 + 49 / 16)
    np.testing.assert_allclose(result.radius, 1.8 * np.sqrt(moment))
    assert not result.attends_zero_space


def test_the_zero_point_and_scale_of_a_map_do_not_matter(small):
    image, attention = small
    first = attention_statistics(image, attention)
    second = attention_statistics(image, 7 * attention - 5)
    for name in ("share", "preference", "radius"):
        np.testing.assert_allclose(getattr(second, name), getattr(first, name))


def test_preference_is_the_area_under_the_roc_of_source_against_sky():
    random = np.random.default_rng(0)
    images = (random.random((3, 30, 30)) > 0.8).astype(np.uint8)
    maps = np.round(random.random((3, 30, 30)) + 0.3 * images, 1)
    expected = [
        roc_auc_score(image.ravel(), one.ravel()) for image, one in zip(images, maps, strict=True)
    ]
    np.testing.assert_allclose(attention_statistics(images, maps).preference, expected)


def test_attention_to_the_empty_sky_is_recognised(small):
    image, attention = small
    inverted = attention_statistics(image, 1 - attention)
    assert inverted.attends_zero_space
    assert inverted.on_empty_sky.tolist() == [True]


def test_the_verdict_is_that_of_most_images(small):
    image, attention = small
    images = np.repeat(image, 3, axis=0)
    two_away = attention_statistics(images, np.concatenate([1 - attention] * 2 + [attention]))
    one_away = attention_statistics(images, np.concatenate([1 - attention] + [attention] * 2))
    assert two_away.attends_zero_space
    assert not one_away.attends_zero_space
    assert one_away.summary()["images_on_empty_sky"] == pytest.approx(1 / 3)


def test_a_constant_map_is_blind_to_the_source(small):
    image, _ = small
    result = attention_statistics(image, np.full((1, 2, 2), 0.7))
    np.testing.assert_allclose(result.enrichment, 1)
    np.testing.assert_allclose(result.preference, 0.5)
    assert not result.attends_zero_space


def test_a_given_mask_names_the_source():
    image = np.ones((1, 3, 3))
    mask = np.zeros((1, 3, 3), bool)
    mask[0, 0, 0] = True
    attention = np.arange(9.0)[::-1].reshape(1, 3, 3)
    result = attention_statistics(image, attention, mask)
    np.testing.assert_allclose(result.share, 8 / 36)
    np.testing.assert_allclose(result.source_radius, 0)


@pytest.mark.parametrize("shape", [(37, 37), (75, 75), (18, 40), (1, 1)])
def test_resizing_is_bilinear_with_half_pixel_centres(shape):
    maps = np.random.default_rng(0).random((2, *shape))
    factors = (1, 150 / shape[0], 150 / shape[1])
    expected = ndimage.zoom(maps, factors, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(resize_maps(maps, (150, 150)), expected, atol=1e-12)


def test_mean_map_computed_manually():
    coarse, fine = np.array([[[1.0]]]), np.array([[[0.0, 1.0], [2.0, 3.0]]])
    np.testing.assert_allclose(
        mean_map({"a": coarse, "b": fine}, (2, 2)), [[[0.5, 1.0], [1.5, 2.0]]]
    )


def test_agreement_is_pearsons_correlation():
    random = np.random.default_rng(0)
    first, second = random.random((2, 3, 20, 20))
    second = second + first
    agreement = pairwise_agreement({"first": first, "second": second}, (20, 20))
    expected = [pearsonr(a.ravel(), b.ravel())[0] for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(agreement[0, 1], expected)
    np.testing.assert_allclose(agreement[1, 0], expected)
    np.testing.assert_allclose(agreement[[0, 1], [0, 1]], 1)


def test_agreement_with_a_constant_map_is_undefined():
    random = np.random.default_rng(0)
    flat = np.stack([np.full((9, 9), 0.3), random.random((9, 9))])
    maps = {"flat": flat, "other": random.random((2, 5, 5))}
    agreement = pairwise_agreement(maps, (15, 15))[0, 1]
    assert np.isnan(agreement[0])
    assert np.isfinite(agreement[1])


@pytest.mark.parametrize(
    ("images", "maps", "message"),
    [
        (np.zeros((1, 4, 4)), np.ones((1, 4, 4)), "image 0 is blank"),
        (np.ones((1, 4, 4)), np.ones((1, 4, 4)), "image 0 is all source"),
        (np.eye(4)[np.newaxis], np.ones((2, 4, 4)), "do not go together"),
        (np.eye(4)[np.newaxis], np.ones((1, 4, 4, 1)), "do not go together"),
    ],
)
def test_bad_input_is_named(images, maps, message):
    with pytest.raises(InputError, match=message):
        attention_statistics(images, maps)


def test_maps_are_named_by_gate():
    outputs = {"logits": np.zeros((1, 2)), "attention_1": np.ones((1, 3, 3)), "attention_mean": 5}
    maps = named_maps(outputs)
    assert list(maps) == ["gate 1", "mean"]
    assert maps["gate 1"] is outputs["attention_1"]


def test_the_evidence_of_either_class_counts_as_a_map():
    evidence = np.zeros((1, 2, 2, 2), np.float32)
    evidence[0, 0, 0] = [3, 1]  # 2 for the first class
    evidence[0, 1, 1] = [0, 5]  # 5 for the second
    maps = named_maps({"logits": np.zeros((1, 2)), "evidence": evidence})
    np.testing.assert_array_equal(maps["evidence"], [[[2, 0], [0, 5]]])


def test_regions_cover_a_frame_once_and_even_attention_prefers_none():
    images = np.zeros((1, 60, 60), np.uint8)
    images[0, 28:32, 28:32] = 9
    regions = frame_regions(images)
    assert list(regions) == list(REGIONS)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in regions.values()), 1)
    # The border is 9 pixels wide; around is what lies within 9 pixels of the 4 x 4 source.
    assert regions["border"].sum() == 60**2 - 42**2
    assert regions["around"][0, 28, 19]
    assert not regions["around"][0, 28, 18]
    even = np.ones((1, 15, 15))
    for mask in regions.values():
        np.testing.assert_allclose(region_enrichment(even, mask), 1)
    assert region_enrichment(images.astype(float), regions["source"]) == pytest.approx(3600 / 16)
    assert np.isnan(region_enrichment(even, np.zeros((1, 60, 60), bool)))[0]
