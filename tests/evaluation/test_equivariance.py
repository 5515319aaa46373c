import numpy as np
import pytest

from keras_astroattn.evaluation import (
    EQUIVARIANCE_TESTS,
    EquivarianceTest,
    apply_transform,
    correlation,
    frame_regions,
    overlap,
    region_enrichment,
    undo_transform,
)

SIZE = 30


def pictures(count=2):
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)


def test_the_tests_are_seven_symmetries_two_rotations_and_twelve_shifts():
    assert len(EQUIVARIANCE_TESTS) == 7 + 2 + 12
    images = pictures(1)
    found = {apply_transform(images, test)[0].tobytes() for test in EQUIVARIANCE_TESTS[:7]}
    wanted = {
        np.ascontiguousarray(np.rot90(one, turns)).tobytes()
        for one in (images[0], images[0, :, ::-1])
        for turns in range(4)
    }
    assert found == wanted - {images[0].tobytes()}
    assert {test.shift for test in EQUIVARIANCE_TESTS if test.group == "shift 20 px"} == {
        (20.0, 0.0),
        (-20.0, 0.0),
        (0.0, 20.0),
        (0.0, -20.0),
    }


def test_a_turn_goes_from_x_to_y_and_a_shift_to_where_it_says():
    image = np.zeros((1, 10, 10), np.uint8)
    image[0, 2, 7] = 200  # y = 2, x = 7
    turned = apply_transform(image, EquivarianceTest("90", "turn", angle=90.0))
    # about (4.5, 4.5): (dx, dy) = (2.5, -2.5) becomes (2.5, 2.5)
    assert np.argwhere(turned[0]).tolist() == [[7, 7]]
    moved = apply_transform(image, EquivarianceTest("shift", "shift", shift=(2.0, -1.0)))
    assert np.argwhere(moved[0]).tolist() == [[1, 9]]
    both = EquivarianceTest("all", "all", mirrored=True, angle=90.0, shift=(0.0, 1.0))
    # mirrored (2.5 -> -2.5, -2.5), turned (2.5, -2.5), shifted one down
    assert np.argwhere(apply_transform(image, both)[0]).tolist() == [[3, 7]]


@pytest.mark.parametrize("test", [m for m in EQUIVARIANCE_TESTS if m.angle % 90 == 0])
def test_a_map_that_moves_with_the_image_comes_back_as_it_was(test):
    images = pictures()
    back = undo_transform(apply_transform(images, test).astype(np.float32), test, SIZE)
    known = ~np.isnan(back)
    distance = int(max(map(abs, test.shift)))
    assert known.sum() == len(images) * SIZE * (SIZE - distance)
    np.testing.assert_allclose(back[known], images[known], atol=1e-6)
    np.testing.assert_allclose(correlation(images, back), 1)
    np.testing.assert_allclose(overlap(images, back), 1)


def test_a_smooth_map_comes_back_from_a_slanted_turn():
    y, x = np.indices((60, 60)) - 29.5
    bump = 200 * np.exp(-((x - 8) ** 2 + (y + 5) ** 2) / 60)
    test = EquivarianceTest("30", "rotation", angle=30.0)
    back = undo_transform(apply_transform(np.uint8(bump)[None], test), test, 60)
    assert correlation(bump[None], back)[0] > 0.999
    # Without undoing the transform, the maps lie next to each other.
    assert correlation(bump[None], apply_transform(np.uint8(bump)[None], test))[0] < 0.8


def test_correlation_over_what_both_know_computed_manually():
    first = np.array([[[1.0, 2.0], [3.0, 99.0]]])
    second = np.array([[[2.0, 4.0], [5.0, np.nan]]])
    # deviations (-1, 0, 1) and (-5, 1, 4) / 3: 3 / sqrt(2 * 42 / 9)
    assert correlation(first, second)[0] == pytest.approx(3 / np.sqrt(2 * 42 / 9))
    assert np.isnan(correlation(first, np.ones((1, 2, 2)))[0])


def test_overlap_computed_manually():
    first = np.array([[[0.0, 1.0], [3.0, 0.0]]])
    second = np.array([[[5.0, 9.0], [5.0, 5.0]]])
    # shares (0, 1/4, 3/4, 0) and (0, 1, 0, 0): 3/4 has to go
    assert overlap(first, second)[0] == pytest.approx(0.25)


def test_regions_cover_the_frame_once():
    images = np.zeros((1, 60, 60), np.uint8)
    images[0, 20:23, 30:33] = 9
    regions = frame_regions(images)
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in regions.values()), 1)
    assert regions["source"].sum() == 9
    assert regions["around"][0, 20, 41]
    assert not regions["around"][0, 20, 42]
    assert regions["border"][0, 8, 31]  # 12 pixels above the source
    assert regions["far"][0, 9, 45]


def test_enrichment_of_a_region_computed_manually():
    maps = np.full((1, 4, 4), 2.0)
    maps[0, 0, :2] = 5.0
    region = np.zeros((1, 4, 4), bool)
    region[0, 0, 0] = region[0, 3, 3] = True
    # above the minimum 3, 3 and zeros: half is on an eighth of the frame
    assert region_enrichment(maps, region)[0] == pytest.approx(4.0)
    assert np.isnan(region_enrichment(maps, np.zeros_like(region))[0])
    assert region_enrichment(np.ones((1, 4, 4)), region)[0] == pytest.approx(1.0)
