import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from keras_astroattn.images import read_fits
from keras_astroattn.plots import (
    COLUMN_WIDTH,
    TEXT_WIDTH,
    Sky,
    accuracy_time_figure,
    attention_figure,
    attention_progress,
    classified_source_figure,
    confusion_figure,
    deletion_figure,
    enrichment_figure,
    equivariance_figure,
    loss_figure,
    map_grid,
    patches_figure,
    reliability_figure,
    roc_figure,
    save_figure,
    source_figure,
    source_maps_figure,
)
from keras_astroattn.plots.evidence import Part
from keras_astroattn.plots.metrics import metric_grid
from keras_astroattn.plots.style import COLOURS, RESOLUTION, line_looks
from keras_astroattn.plots.survey import probability_figure, sky_figure
from keras_astroattn.samples import sample_paths


def blobs(count, size):
    """(count, size, size) maps with a blob each, from 0 to 1."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    centres = np.linspace(-0.2, 0.2, count)
    return np.stack([np.exp(-((x - c) ** 2 + (y + c) ** 2) / 0.02) for c in centres])


def sources(count):
    return np.uint8(255 * np.where((values := blobs(count, 150)) > 0.2, values, 0))


def attention(width=None):
    gates = [blobs(3, size) for size in (37, 75, 150)]
    names = ["row 8", "row 92", "row 138"]
    return attention_figure(sources(3), gates, blobs(3, 150), [0, 1, 1], names, width)


def progress():
    return attention_progress(sources(1)[0], dict(zip((1, 3, 9), blobs(3, 37), strict=True)), 0)


def grid(**options):
    maps = list(blobs(3, 150))
    return map_grid(
        [[maps[0], maps[1]], [maps[2], None]],
        ["std_mean_norm", "range_norm"],
        ["mean", "deep_sup"],
        image=sources(1)[0],
        row_title="normalization",
        column_title="aggregation",
        **options,
    )


def losses():
    return loss_figure(
        np.array([0.7, 0.5, 0.4]), np.array([0.7, 0.45, 0.5]), np.array([0.5, 0.7, 0.9])
    )


def reliability():
    return reliability_figure([0, 0, 0, 10, 30], [0, 0, 0, 0.75, 0.91], [0, 0, 0, 0.5, 0.8])


def rocs():
    return roc_figure({"clean": ([0, 0.2, 1], [0, 0.9, 1], 0.85), "pooled": ([0, 1], [0, 1], 0.5)})


def curve():
    runs = {"10 epochs": [(2, 0.88), (2.1, 0.9)], "30 epochs": [(6, 0.92), (6.4, 0.94)]}
    return accuracy_time_figure(runs, ("the paper", 0.917))


def reading():
    maps = {"gate 1": blobs(2, 37), "mean": 3 + blobs(2, 150), "Grad-CAM": 0 * blobs(2, 18)}
    enrichment = {name: np.array([4.56, 0.78]) for name in maps}
    enrichment["mean"] = np.array([123.4, 2.4e-5])
    return source_maps_figure(sources(2), maps, [0, 1], ["row 8", "row 92"], enrichment)


def enrichments():
    values = {"gate 1": [4.0, np.nan], "mean": [0.3, np.nan], "Grad-CAM": [9.0, 1.5]}
    return enrichment_figure(values, ["MiraBest: 1 gate, std_mean_norm, deep_sup", "0 gates"])


def deletions():
    shares = np.array([0, 0.5, 1])
    curve = (np.array([0.9, 0.6, 0.2]), np.array([0.8, 0.5, 0.1]), np.array([1.0, 0.7, 0.3]))
    orders = ("attention", "gradient x activation", "Grad-CAM", "brightness", "random")
    panels = {title: dict.fromkeys(orders, curve) for title in ("all (9)", "called FRI (4)")}
    return deletion_figure(shares, panels)


def equivariance():
    followed = {"gate 1": [1.0, 0.9], "mean less empty": [0.95, 0.7]}
    stayed = {"gate 1": [0.4, 0.95], "mean less empty": [-0.2, 0.5]}
    shares = {"correct class": [(0.97, 0.92, 0.99), (0.9, 0.8, 0.96)]}
    return equivariance_figure(["8 symmetries", "shift 20 px"], followed, stayed, shares)


def patches():
    labels = np.zeros((1, 150, 150), int)
    labels[0, 60:70, 60:70], labels[0, 70:80, 60:70], labels[0, 0, 0] = 1, 2, -1
    orders = {"attention": [np.array([2, 1, 3])], "Grad-CAM": [np.array([1, 2, 3])]}
    return patches_figure(sources(1), labels, orders, [1])


def signed(count):
    """(count, 150, 150) evidence: FRII above the middle of each source, FRI below it."""
    sign = np.where(np.arange(150) < 75, 1.0, -1.0)[:, None]
    return 0.01 * sign * (sources(count) > 0)


def evidence():
    gates = [blobs(2, size) for size in (37, 75, 150)]
    return attention_figure(
        sources(2), gates, blobs(2, 150), [0, 1], ["row 8", "row 92"], evidence=signed(2)
    )


def evidence_of_one_gate():
    gates = [blobs(2, 37)]
    return attention_figure(sources(2), gates, blobs(2, 150), [0, 1], evidence=signed(2))


def evidence_progress():
    epochs = dict(zip((1, 3, 9), signed(3), strict=True))
    return attention_progress(sources(1)[0], epochs, 0, signed=True)


def explained():
    image, found = sources(1)[0] / 50, signed(1)[0]
    parts = [
        Part("outer north-eastern component", found > 0, 0.6, "FRII", 0.31),
        Part("faint islands", found < 0, -0.4, "FRI", 0.97),
    ]
    sky = Sky(1.8, (5.4, 5.4, 0.0), (0.0, 1.0), (-1.0, 0.0))
    gates = [blobs(1, size)[0] for size in (37, 75, 150)]
    sentence = "FRII with P = 0.94: " + "the outer north-eastern component and " * 8
    return classified_source_figure(
        image, gates, blobs(1, 150)[0], "a.fits: FRII", "mJy/beam", 0.15, sky,
        evidence=found, parts=parts, explanation=sentence,
    )  # fmt: skip


def paper_source(width):
    cutout = read_fits(sample_paths()[1])
    maps = {"attention": np.eye(150), "evidence": None}
    return source_figure(cutout, "frii.fits\nFRII, P(FRII) = 1.00", **maps, width=width)


def probabilities_of_all_labels():
    labels = ("FRI", "FRII", "uncertain", "unresolved", "incomplete")
    return probability_figure({label: np.full(40, 2000) for label in labels})


@pytest.mark.parametrize(("count", "text"), [(6, "6"), (100_000, "$\\mathdefault{10^{5}}$")])
def test_small_counts_of_probabilities_are_plain_numbers(count, text):
    figure = probability_figure({"FRI": np.full(4, count)})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = [one.get_text() for one in axes.get_yticklabels(which="both")]
    assert text in labels


FIGURES = {
    "probabilities of all labels": probabilities_of_all_labels,
    "source in a column": lambda: paper_source(88),
    "source on a page": lambda: paper_source(177),
    "evidence": evidence,
    "evidence of one gate": evidence_of_one_gate,
    "progress of evidence": evidence_progress,
    "explained source": explained,
    "deletion": deletions,
    "equivariance": equivariance,
    "patches": patches,
    "reading": reading,
    "enrichment": enrichments,
    "accuracy against time": curve,
    "attention": attention,
    "attention in a column": lambda: attention(COLUMN_WIDTH),
    "progress": progress,
    "grid": grid,
    "losses": losses,
    "confusion": lambda: confusion_figure(np.array([[26640, 0], [3000, 25440]]), title="MiraBest"),
    "reliability": reliability,
    "uncertainty": lambda: reliability_figure([5, 5], [0.2, 0.8], [0.1, 0.7], "uncertainty"),
    "roc": rocs,
}


def texts(figure):
    return {text.get_text() for text in figure.findobj(matplotlib.text.Text)}


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_or_larger_than_a_page(name):
    figure = FIGURES[name]()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert width <= TEXT_WIDTH
    assert box.x0 > -0.01
    assert box.y0 > -0.01
    assert box.x1 < width + 0.01
    assert box.y1 < height + 0.01


@pytest.mark.parametrize("name", FIGURES)
def test_type_is_legible(name):
    figure = FIGURES[name]()
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_text() and text.get_visible():
            assert text.get_fontsize() >= 5.5, text.get_text()


@pytest.mark.parametrize("name", FIGURES)
def test_the_callers_settings_stay(name):
    before = dict(matplotlib.rcParams)
    FIGURES[name]()
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported():
    code = (
        "import sys, numpy as np; from keras_astroattn import plots;"
        "plots.loss_figure(np.ones(2)); plots.confusion_figure(np.eye(2));"
        "plots.attention_progress(np.eye(9), {1: np.eye(9)});"
        "raise SystemExit('matplotlib.pyplot' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_attention_has_a_row_a_source_and_a_column_a_gate():
    figure = attention()
    assert {"source", "gate 1", "gate 2", "gate 3", "mean", "overlay"} <= texts(figure)
    assert {"FRI\nrow 8", "FRII\nrow 92", "FRII\nrow 138", "attention", "brightness"} <= texts(
        figure
    )
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 3 * 6
    np.testing.assert_array_equal(images[7].get_array(), blobs(3, 37)[1])
    # Coarse maps cover the source's pixels, not their own.
    assert {tuple(image.get_extent()) for image in images} == {(-0.5, 149.5, 149.5, -0.5)}


def test_a_gates_maps_share_one_scale():
    weak = blobs(2, 37) * np.array([1.0, 0.1])[:, None, None]
    figure = attention_figure(sources(2), [weak], blobs(2, 150), [0, 1])
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert images[1].get_clim() == images[5].get_clim() == (weak.min(), weak.max())


def test_maps_for_other_images_are_refused():
    with pytest.raises(ValueError, match="zip"):
        attention_figure(sources(2), [blobs(3, 37)], blobs(2, 150), [0, 1])


def test_progress_shows_the_source_then_the_epochs_in_order():
    titles = [axes.get_title() for axes in progress().axes]
    assert titles[:4] == ["source (FRI)", "epoch 1", "epoch 3", "epoch 9"]


def test_grid_panels_run_over_their_own_range_by_default():
    own = [axes.images[0].get_array().max() for axes in grid().axes[:3]]
    np.testing.assert_allclose(own, 1)
    shared = grid(shared_scale=True)
    low, high = blobs(3, 150).min(), blobs(3, 150).max()
    assert {axes.images[0].get_clim() for axes in shared.axes[:3]} == {(low, high)}
    assert {"none", "normalization", "aggregation", "attention"} <= texts(shared)


def test_losses_mark_the_epoch_that_is_kept():
    upper, lower = losses().axes
    training, validation, _, best = upper.lines
    np.testing.assert_array_equal(training.get_ydata(), [0.7, 0.5, 0.4])
    np.testing.assert_array_equal(validation.get_ydata(), [0.7, 0.45, 0.5])
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 0.45)
    np.testing.assert_allclose(lower.lines[0].get_ydata(), [50, 70, 90])
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("epoch", "accuracy (%)")


def test_a_loss_may_be_named_otherwise():
    (axes,) = loss_figure(np.array([0.6, 0.5]), loss_label="loss, as published").axes
    assert axes.get_ylabel() == "loss, as published"
    assert losses().axes[0].get_ylabel() == "cross-entropy loss (nats)"


def test_losses_of_one_epoch_without_validation_are_drawn():
    (axes,) = loss_figure(np.array([0.6])).axes
    assert axes.lines[0].get_marker() == "."


def test_reading_shows_every_map_over_its_own_range_and_how_far_it_knows_the_source():
    figure = reading()
    assert {"source", "gate 1", "mean", "Grad-CAM", "FRI\nrow 8", "FRII\nrow 92"} <= texts(figure)
    assert {"× 4.6", "× 0.78", "× 123", "× <0.01"} <= texts(figure)
    panels = [axes.images[0].get_array() for axes in figure.axes[:8]]
    for one in (panels[1], panels[2]):
        np.testing.assert_allclose((one.min(), one.max()), (0, 1))
    # A map that is the same everywhere has no range, and shows nothing of the source.
    assert panels[3].max() == 0
    assert [text.get_text() for text in figure.axes[3].texts] == ["constant"]


def test_enrichment_is_drawn_next_to_that_of_a_map_that_does_not_know_the_source():
    axes = enrichments().axes[0]
    np.testing.assert_array_equal(axes.lines[2].get_xdata(), [9.0, 1.5])
    # No map of a network hides another, nor lies in another network's row.
    rows = np.stack([line.get_ydata() for line in axes.lines[:3]])
    assert (np.diff(rows, axis=0) > 0.1).all()
    assert (np.abs(rows - [0, 1]) < 0.5).all()
    assert axes.get_xscale() == "log"
    assert axes.lines[3].get_xdata() == [1.0, 1.0]
    assert [text.get_text() for text in axes.get_yticklabels()][1] == "0 gates"


def test_confusion_shows_counts_and_shares_of_the_true_class():
    figure = confusion_figure(np.array([[3, 1], [0, 6]]))
    assert {"75.0 %\n(3)", "25.0 %\n(1)", "0.0 %\n(0)", "100.0 %\n(6)"} <= texts(figure)
    assert {"FRI", "FRII", "true class", "predicted class", "10 predictions"} <= texts(figure)
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), [[75, 25], [0, 100]])


def test_roc_names_each_curve_with_its_area():
    figure = rocs()
    assert {"clean (AUC 0.850)", "pooled (AUC 0.500)"} <= texts(figure)
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), [0, 0.9, 1])


def test_reliability_shows_the_error_and_the_gaps():
    figure = reliability()
    # 10 of 40 with a gap of 0.25 and 30 of 40 with one of 0.11.
    assert "ECE 0.145" in texts(figure)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == [0.5, 0.8]
    assert figure.axes[1].get_xlim() == (0.5, 1)


def test_lines_differ_without_colour_vision():
    looks = line_looks(12)
    assert len(set(looks)) == 12
    # Okabe & Ito 2008: blue, vermilion, bluish green, reddish purple, orange, sky blue.
    assert [to_hex(c).upper() for c in COLOURS] == [
        "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    ]  # fmt: skip


def test_a_figure_is_saved_whole_in_both_formats(tmp_path):
    written = save_figure(rocs(), tmp_path / "roc.v1.png")
    assert [path.name for path in written] == ["roc.v1.png", "roc.v1.pdf"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roc.v1.pdf", "roc.v1.png"]
    with Image.open(written[0]) as image:
        assert image.width == round(COLUMN_WIDTH * RESOLUTION)
    assert written[1].read_bytes().startswith(b"%PDF")


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    first = save_figure(rocs(), tmp_path / "a")
    second = save_figure(rocs(), tmp_path / "b")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_curve_goes_through_the_means():
    (axes,) = curve().axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["mean"], [[2.05, 89], [6.2, 93]])
    np.testing.assert_allclose(lines["one run"][:, 1], [88, 90, 92, 94])
    np.testing.assert_allclose(lines["the paper"][:, 1], 91.7)


def test_deletion_draws_a_line_an_order_in_every_panel():
    first, second = deletions().axes
    assert (first.get_title(), second.get_title()) == ("all (9)", "called FRI (4)")
    assert [line.get_label() for line in second.lines][:2] == ["attention", "gradient x activation"]
    np.testing.assert_allclose(second.lines[0].get_xydata(), [[0, 0.9], [50, 0.6], [100, 0.2]])
    assert len({(line.get_color(), line.get_linestyle()) for line in first.lines}) == 5


def test_equivariance_shows_what_followed_filled_and_what_stayed_open():
    left, right = equivariance().axes
    filled, opened = left.lines[2:4]
    np.testing.assert_array_equal(filled.get_ydata(), [0.95, 0.7])
    np.testing.assert_array_equal(opened.get_ydata(), [-0.2, 0.5])
    assert opened.get_markerfacecolor() == "white"
    assert left.get_ylim()[0] < -0.2
    np.testing.assert_allclose(right.lines[0].get_ydata(), [97, 90])


def test_patches_are_coloured_from_last_to_first():
    panels = patches().axes
    assert [axes.get_title() for axes in panels[:4]] == [
        "source",
        "patches",
        "attention",
        "Grad-CAM",
    ]
    attention = panels[2].images[0].get_array()
    # patch 2 first, 1 in the middle, 3 is beyond what is shown
    assert (attention[75, 65], attention[65, 65]) == (1.0, 0.5)
    assert np.ma.getmaskarray(attention)[0, 0]
    assert panels[3].images[0].get_array()[65, 65] == 1.0


EDGES = np.linspace(0, 10, 3)
INTO_AXES = {
    "confusion": lambda ax: confusion_figure(np.eye(2), ax=ax),
    "roc": lambda ax: roc_figure({"a": ([0, 1], [0, 1], 0.5)}, ax=ax),
    "accuracy": lambda ax: accuracy_time_figure({"short": [(1, 0.9), (1, 0.8)]}, ax=ax),
    "grid": lambda ax: metric_grid(np.eye(2), ["a", "b"], ["c", "d"], "accuracy", ax=ax),
    "probabilities": lambda ax: probability_figure({"FRI": np.ones(4)}, ax=ax),
    "sky": lambda ax: sky_figure(np.ones((2, 2)), EDGES, EDGES, ax=ax),
}


@pytest.mark.parametrize("name", INTO_AXES)
def test_a_figure_of_one_panel_can_be_drawn_into_given_axes(name):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert INTO_AXES[name](right) is figure
    assert right.has_data()
    assert not left.has_data()


def test_a_sky_over_0_hours_has_round_right_ascensions():
    figure = sky_figure(np.eye(2), np.array([359.5, 360, 360.5]), np.array([29.5, 30, 30.5]))
    FigureCanvasAgg(figure).draw()
    texts = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert {"359.6", "0", "0.4"} <= set(texts)
