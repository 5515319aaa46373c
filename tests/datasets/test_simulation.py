import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import curve_fit

from keras_astroattn.datasets import simulation
from keras_astroattn.datasets.simulation import (
    Components,
    SourceModel,
    draw_noise,
    draw_source,
    fanaroff_riley_ratio,
    generator,
    observe,
    point_source,
    render,
    simulate,
    simulate_field,
    simulate_point_sources,
)
from keras_astroattn.errors import InputError


def of_components(*rows: tuple[str, int, float, float, float, float]) -> SourceModel:
    """A source of (part, arm, flux, east, north, fwhm)."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return dataclasses.replace(point_source(1.0), components=Components(*columns))


def only_arm(model: SourceModel, side: int) -> SourceModel:
    components = model.components
    return dataclasses.replace(model, components=components.select(components.arm == side))


# --- determinism -----------------------------------------------------------------------


def test_a_seed_gives_the_same_sources_again() -> None:
    first, second = simulate(3, seed=5), simulate(3, seed=5)
    for field in dataclasses.fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


def test_a_source_does_not_depend_on_how_many_are_drawn_or_where_they_start() -> None:
    few, many, late = simulate(2, seed=5), simulate(4, seed=5), simulate(2, seed=5, start=2)
    for field in dataclasses.fields(few):
        name = field.name
        joined = np.concatenate([getattr(few, name), getattr(late, name)])
        np.testing.assert_array_equal(joined, getattr(many, name))


def test_other_seeds_and_indices_give_other_sources() -> None:
    images = np.concatenate([simulate(2, seed=5).image, simulate(2, seed=6).image])
    assert len(np.unique(images.reshape(4, -1), axis=0)) == 4


def test_the_global_random_state_is_neither_read_nor_changed() -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = simulate(1, seed=5).image
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(simulate(1, seed=5).image, first)


def test_the_same_source_can_be_seen_through_another_noise() -> None:
    model = draw_source(5, 0)
    one, other = (observe(model, generator(5, 0, purpose), centre=(150, 150)) for purpose in (1, 7))
    assert not np.array_equal(one, other)
    faint = render(model, centre=(150, 150))
    assert np.abs(one - faint).max() < 0.5 * faint.max()


# --- classes ---------------------------------------------------------------------------


def test_the_ratio_of_two_points_and_a_faint_end_computed_manually() -> None:
    # Brightest at 20" and 30" on either side, ends at 40" and 60": (20 + 30) / (40 + 60).
    model = of_components(
        ("core", 0, 9.0, 0.0, 0.0, 0.0),
        ("jet", 1, 1.0, 20.0, 0.0, 0.1),
        ("jet", 1, 0.4, 40.0, 0.0, 0.1),
        ("jet", -1, 1.0, 0.0, -30.0, 0.1),
        ("jet", -1, 0.4, 0.0, -60.0, 0.1),
    )
    assert fanaroff_riley_ratio(model) == pytest.approx(0.5)


def ratio_on_a_map(model: SourceModel) -> float:
    """Fanaroff & Riley's ratio from rendered maps of each arm, core and neighbours left out."""
    reach = np.hypot(model.components.east, model.components.north).max()
    size, scale = 201, 2.6 * reach / 201
    row, column = np.mgrid[:size, :size] - (size - 1) / 2
    distance = np.hypot(row, column) * scale
    maps = [
        render(only_arm(model, side), (size, size), scale, beam=reach / 4, neighbours=False)
        for side in (1, -1)
    ]
    lowest = 0.03 * max(drawn.max() for drawn in maps)
    apart = sum(distance.flat[drawn.argmax()] for drawn in maps)
    extent = sum(distance[drawn > lowest].max(initial=0.0) for drawn in maps)
    return apart / extent


@pytest.mark.parametrize(("label", "index"), [(la, i) for la in (0, 1) for i in range(12)])
def test_each_class_lies_on_its_side_of_fanaroff_and_rileys_divide(label: int, index: int) -> None:
    model = draw_source(11, index, label)
    assert model.label == label
    # On the map the lowest contour lies outside the components' centres: ratios come out lower.
    assert (ratio_on_a_map(model) < 0.5) == (label == 0)


def test_fri_are_brightest_nearer_to_the_core_than_frii() -> None:
    ratios = [
        np.median([ratio_on_a_map(draw_source(3, i, la)) for i in range(30)]) for la in (0, 1)
    ]
    assert ratios[0] + 0.2 < ratios[1]


def test_a_hybrid_has_one_arm_of_each_kind() -> None:
    parts = [
        {side: set(draw.part[draw.arm == side]) for side in (1, -1)}
        for draw in (draw_source(4, i, 2).components for i in range(20))
    ]
    assert all(sorted("hot spot" in arm for arm in source.values()) == [0, 1] for source in parts)
    assert {("hot spot" in source[1]) for source in parts} == {True, False}


def test_classes_come_in_mirabests_proportions() -> None:
    models = [draw_source(8, i) for i in range(600)]
    labels = np.array([m.label for m in models])
    # 591 FRI of 1222; 397 + 436 of them confident. Three standard errors of 600 draws.
    assert np.mean(labels == 0) == pytest.approx(591 / 1222, abs=0.061)
    assert np.mean([m.confident for m in models]) == pytest.approx(833 / 1222, abs=0.057)
    assert {m.class_index for m in models} >= {0, 1, 3, 5, 7}
    for model in models:
        assert (model.class_index <= 4) == (model.label == 0)


def test_sizes_and_redshifts_stay_within_mirabests_ranges_and_medians() -> None:
    for label, sizes, redshifts, median in (
        (0, (10.6, 268.1), (0.032, 0.502), 56.8),
        (1, (5.9, 269.4), (0.043, 0.534), 29.4),
    ):
        models = [draw_source(9, i, label) for i in range(300)]
        size = np.array([m.angular_size for m in models])
        redshift = np.array([m.redshift for m in models])
        assert size.min() >= sizes[0]
        assert size.max() <= sizes[1]
        assert redshift.min() >= redshifts[0]
        assert redshift.max() <= redshifts[1]
        assert np.median(size) == pytest.approx(median, rel=0.25)


def test_the_approaching_jet_is_the_brighter_one() -> None:
    models = [draw_source(2, i, 0) for i in range(200)]
    jets = [
        [m.components.flux[(m.components.arm == s) & (m.components.part == "jet")].sum()]
        for m in models
        for s in (1, -1)
    ]
    approaching, receding = np.array(jets).reshape(-1, 2).T
    assert np.median(np.log(approaching / receding)) > 0.1


# --- rendering -------------------------------------------------------------------------


@pytest.mark.parametrize(("beam", "scale"), [(5.4, 1.8), (15.0, 5.0), (6.0, 1.0)])
def test_a_point_source_has_the_beams_width_and_its_flux_as_peak(beam: float, scale: float) -> None:
    field = render(point_source(0.02), (61, 61), scale, beam)
    assert field.dtype == np.float32
    offsets = (np.arange(61) - 30.0) * scale

    def gaussian(x: np.ndarray, peak: float, middle: float, fwhm: float) -> np.ndarray:
        return peak * 2.0 ** (-4 * ((x - middle) / fwhm) ** 2)

    for cut in (field[30], field[:, 30]):
        (peak, middle, fwhm), _ = curve_fit(gaussian, offsets, cut, p0=(0.01, 0.5, 2 * beam))
        assert peak == pytest.approx(0.02, rel=1e-4)
        assert middle == pytest.approx(0, abs=1e-3)
        assert fwhm == pytest.approx(beam, rel=1e-4)


def test_a_resolved_component_adds_in_quadrature_and_is_dimmed_by_its_area() -> None:
    # 7.2" seen with 5.4" is 9.0" wide; the peak falls by (5.4 / 9.0)^2 = 0.36.
    field = render(of_components(("lobe", 1, 1.0, 0.0, 0.0, 7.2)), (301, 301), 0.3, 5.4)
    assert field.max() == pytest.approx(0.36, rel=1e-5)
    # A half of the peak is reached at 4.5" = 15 pixels.
    assert field[150, 165] == pytest.approx(0.18, rel=1e-5)
    assert field[135, 150] == pytest.approx(0.18, rel=1e-5)


@pytest.mark.parametrize(("beam", "scale", "size"), [(5.4, 1.8, 500), (25.0, 5.0, 220)])
def test_flux_is_conserved_whatever_the_beam(beam: float, scale: float, size: int) -> None:
    model = draw_source(1, 0, 1)
    field = render(model, (size, size), scale, beam, neighbours=False).astype(np.float64)
    beam_in_pixels = 1.1330900354567985 * (beam / scale) ** 2  # pi / (4 ln 2)
    assert field.sum() / beam_in_pixels == pytest.approx(model.components.flux.sum(), rel=1e-4)


def test_north_is_up_in_fits_order_and_east_is_left() -> None:
    field = render(of_components(("lobe", 1, 1.0, 18.0, 36.0, 0.0)), (101, 101), 1.8)
    assert np.unravel_index(field.argmax(), field.shape) == (50 + 20, 50 - 10)


def test_neighbours_are_drawn_unless_left_out() -> None:
    model = draw_source(1, 0)
    assert len(model.neighbours) > 0
    apart = render(model) - render(model, neighbours=False)
    alone = render(dataclasses.replace(model, components=model.neighbours), neighbours=False)
    np.testing.assert_allclose(apart, alone, atol=1e-6 * float(render(model).max()))


# --- noise -----------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "noise"), [((300, 300), 1.5e-4), ((256, 301), 2.0)])
def test_noise_has_the_asked_level_and_no_mean(shape: tuple[int, int], noise: float) -> None:
    field = draw_noise(np.random.default_rng(0), shape, noise)
    assert field.shape == shape
    assert field.dtype == np.float32
    # About 2 % of scatter: some 1000 independent patches.
    assert field.std() == pytest.approx(noise, rel=0.06)
    assert abs(field.mean()) < 0.1 * noise


def test_noise_is_correlated_over_the_beam_as_firsts_blank_sky_is() -> None:
    def correlation(lag: int) -> float:
        fields = [draw_noise(np.random.default_rng(i)) for i in range(6)]
        products = [np.mean(f[:, lag:] * f[:, : 300 - lag]) / f.var() for f in fields]
        return float(np.mean(products))

    # Measured in 40 FIRST fields, sources masked, mean of both axes: 0.76, 0.40, 0.25, 0.24.
    assert correlation(1) == pytest.approx(0.76, abs=0.05)
    assert correlation(2) == pytest.approx(0.40, abs=0.06)
    assert correlation(4) == pytest.approx(0.235, abs=0.06)
    assert correlation(40) == pytest.approx(0, abs=0.06)


def test_a_field_without_a_bright_source_has_the_noise_of_first() -> None:
    field = observe(point_source(0.0), generator(0, 0, 1))
    assert field.shape == (300, 300)
    assert field.std() == pytest.approx(0.148e-3, rel=0.15)


def test_artefacts_surround_a_bright_source() -> None:
    model = point_source(1.0)
    centre = (150, 150)
    quiet = np.zeros((2, 300, 300))
    for i in range(2):
        quiet[i] = observe(model, generator(0, i, 1), centre=centre) - render(model, centre=centre)
    # 1 Jy / 1200 = 0.83 mJy, five times the thermal noise, near the source; none 4.5' away.
    assert quiet[:, 140:161, 140:161].std() > 3 * 0.148e-3
    assert quiet[:, :12, :].std() < 2 * 0.148e-3


# --- images ----------------------------------------------------------------------------


def test_images_are_as_mirabests() -> None:
    sources = simulate(4, seed=0)
    assert len(sources) == 4
    assert sources.image.shape == (4, 150, 150)
    assert sources.image.dtype == np.uint8
    assert (sources.image.max(axis=(1, 2)) == 255).all()
    assert (np.mean(sources.image > 0, axis=(1, 2)) < 0.2).all()
    assert sources.label.dtype == sources.class_index.dtype == sources.index.dtype == np.int64
    assert sources.confident.dtype == bool
    assert list(sources.name) == [f"simulated-0-0000{i}" for i in range(4)]
    assert ((sources.ra >= 0) & (sources.ra < 360)).all()
    assert (np.abs(sources.dec) <= 90).all()


def test_an_image_is_the_masked_centre_of_its_field() -> None:
    from astropy.stats import sigma_clipped_stats

    field = simulate_field(draw_source(0, 1), 0, 1)
    noise = sigma_clipped_stats(field, sigma=3, maxiters=5)[2]
    bright = field[75:225, 75:225]
    image = simulate(1, seed=0, start=1).image[0]
    assert (image[bright <= 3 * noise] == 0).all()
    assert np.unravel_index(image.argmax(), image.shape) == np.unravel_index(
        bright.argmax(), bright.shape
    )


def test_point_sources_stand_at_the_centre_and_brighten() -> None:
    images = simulate_point_sources(np.array([10.0, 1000.0]), seed=1)
    assert images.shape == (2, 150, 150)
    assert images.dtype == np.uint8
    for image in images:
        row, column = np.unravel_index(image.argmax(), image.shape)
        assert math.hypot(row - 74.5, column - 74.5) < 3
    # The mask lies at 3 sigma: 0.3 of the one's peak, 0.003 of the other's.
    faintest = [image[image > 0].min() for image in images]
    assert 60 < faintest[0] < 95
    assert faintest[1] <= 2
    np.testing.assert_array_equal(simulate_point_sources(np.array([10.0]), seed=1)[0], images[0])


def test_a_label_can_be_asked_for() -> None:
    for label in (0, 1, 2):
        assert (simulate(2, seed=0, label=label).label == label).all()


def test_the_physics_needs_no_tensorflow() -> None:
    code = (
        "from keras_astroattn.datasets.simulation import simulate; import sys; simulate(1, 0); "
        "assert not {'tensorflow', 'tensorflow_datasets', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate(-1, 0), "cannot make -1"),
        (lambda: simulate(1, -1), "seed -1"),
        (lambda: draw_source(0, -3), "index -3"),
        (lambda: draw_source(0, 0, 3), "label 3"),
        (lambda: render(point_source(1.0), (0, 5)), "shape"),
        (lambda: render(point_source(1.0), beam=0.0), "beam 0.0"),
        (lambda: observe(point_source(1.0), generator(0, 0), pixel_scale=-1.0), "pixel scale -1"),
        (lambda: draw_noise(generator(0, 0), beam=math.nan), "beam nan"),
        (lambda: fanaroff_riley_ratio(point_source(1.0)), "no arms"),
    ],
)
def test_bad_input_is_named_in_one_line(call, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_noise_without_scipy_names_the_extra_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.delitem(sys.modules, "scipy.fft", raising=False)
    with pytest.raises(InputError, match=r"pip install 'keras-astroattn\[simulation\]'"):
        draw_noise(generator(0, 0))


def test_the_module_names_what_others_use() -> None:
    assert all(hasattr(simulation, name) for name in simulation.__all__)
