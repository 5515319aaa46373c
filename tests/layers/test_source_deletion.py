import keras
import numpy as np
import pytest
from scipy import ndimage

from keras_astroattn.layers import SourceDeletion

pytestmark = pytest.mark.backend

SIZE = 40


def discs(count=16):
    """Discs of 8 to 15 pixels radius on black sky."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    radius = np.linspace(8, 15, count)[:, None, None]
    return np.where(np.hypot(x, y) < radius, 0.5, -1).astype("float32")[..., None]


def deleted_from(images, guide=None, **options):
    guide = np.zeros(images.shape[:3], "float32") if guide is None else guide
    result = keras.ops.convert_to_numpy(SourceDeletion(seed=1, **options)((images, guide)))
    changed = result != images
    assert (result[changed] == -1).all()
    return changed[..., 0]


def test_the_share_of_the_source_that_goes_is_between_the_limits():
    images = discs()
    gone = deleted_from(images, smallest=0.2, largest=0.6)
    source = images[..., 0] > -1
    shares = gone.sum(axis=(1, 2)) / source.sum(axis=(1, 2))
    assert not (gone & ~source).any()
    assert 0.2 <= shares.min() < 0.3
    assert 0.5 < shares.max() <= 0.61


def test_pieces_are_connected_over_the_distance_of_the_nodes():
    gone = deleted_from(discs())
    pieces = [ndimage.label(one)[1] for one in gone]
    assert max(pieces) < 15  # single pixels at random would be hundreds
    assert len({one.tobytes() for one in gone}) == len(gone)


def test_a_guide_goes_first_where_it_is_asked_and_its_scale_means_nothing():
    images = np.repeat(discs(1), 400, axis=0)
    guide = np.zeros(images.shape[:3], "float32")
    guide[:, :, : SIZE // 2] = 1
    with_guide, scaled, without = (
        deleted_from(images, each, smallest=0.4, largest=0.5)
        for each in (guide, 1e-3 * guide, 0 * guide)
    )
    np.testing.assert_array_equal(with_guide, scaled)

    def left(gone):
        return gone[:, :, : SIZE // 2].sum(axis=(1, 2)) / gone.sum(axis=(1, 2))

    # A half is not guided; of the other half, three quarters take the left side first.
    assert np.mean(left(without)) == pytest.approx(0.5, abs=0.03)
    assert np.mean(left(with_guide) == left(without)) == pytest.approx(0.5, abs=0.08)
    assert 0.55 < np.mean(left(with_guide)) < 0.65


def test_a_black_image_stays_black():
    assert not deleted_from(np.full((2, SIZE, SIZE, 1), -1, "float32")).any()


@pytest.mark.parametrize("shares", [(0.0, 0.5), (0.6, 0.5), (0.1, 1.0)])
def test_shares_that_mean_nothing_are_refused(shares):
    with pytest.raises(ValueError, match="shares must be 0 < smallest <= largest < 1"):
        SourceDeletion(*shares)


def test_configuration_is_kept():
    layer = SourceDeletion(0.1, 0.5, scale=4, seed=3)
    assert SourceDeletion.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.get_config()["scale"] == 4
