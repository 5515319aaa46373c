"""The HTML report of a training run: its numbers, its size and its page in a browser."""

import json
import re

import numpy as np
import pytest
from support.browser import browser, needs_chromium
from support.html_elements import HOSTILE, Elements

from keras_astroattn.evaluation import evaluate_predictions
from keras_astroattn.report import Shown
from keras_astroattn.report.charts import line_chart_svg
from keras_astroattn.report.thumbnails import evidence_png, map_png, picture_png
from keras_astroattn.report.training_report import (
    MOST_EPOCHS,
    MOST_WRONG,
    Probe,
    evaluation_section,
    losses_section,
    spread_out,
    training_report_html,
)

Y, X = np.mgrid[:150, :150]


def lobe(x: int, y: int) -> np.ndarray:
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / 200.0)


def probe(epochs: int, label: str = "FRI") -> Probe:
    """A probe whose attention moves from the left to the right."""
    maps = [map_png(lobe(30 + 90 * n // max(1, epochs - 1), 75)) for n in range(epochs)]
    evidence = [evidence_png(lobe(50, 75) - lobe(100, 75))] * epochs
    p = np.linspace(0.9, 0.1, epochs)
    picture = picture_png((255 * lobe(75, 75)).astype(np.uint8))
    return Probe(label, picture, p, {"evidence": evidence, "mean attention": maps})


def wrong(count: int) -> list[Shown]:
    picture = picture_png((255 * lobe(75, 75)).astype(np.uint8))
    return [
        Shown(
            f"{HOSTILE}{n}",
            f"{HOSTILE}{n}",
            ("FRI", "FRII")[n % 2],
            p_frii=1 - n % 2,
            picture=picture,
            attention=map_png(lobe(75, 75)),
            evidence=evidence_png(lobe(50, 75)),
        )
        for n in range(count)
    ]


def page(epochs: int = 3, count: int = 2, sections=()) -> str:
    probes = [probe(epochs, "FRI"), probe(epochs, "FRII")]
    return training_report_html(
        HOSTILE, HOSTILE, sections, range(1, epochs + 1), probes, wrong(count), HOSTILE
    )


def test_texts_are_no_markup_and_only_the_pages_own_script_runs():
    found = Elements(page())
    assert found.of("img") == []
    assert len(found.of("script")) == 2
    assert not [one for one in found.of("script") if "src" in one]
    data = json.loads(found.texts[1])
    assert data["epochs"] == [1, 2, 3]
    assert [one["p_frii"] for one in data["probes"]] == [[0.9, 0.5, 0.1]] * 2
    assert data["wrong"][1][data["fields"].index("label")] == "FRII"
    (policy,) = [one["content"] for one in found.of("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'")


def test_the_largest_report_is_below_three_megabytes():
    random = np.random.default_rng(0)
    noise = random.uniform(0, 255, (150, 150))
    # A source that fills an eighth of the frame with noise, and maps of noise.
    picture = picture_png(np.where(np.hypot(X - 75, Y - 75) < 30, noise, 0).astype(np.uint8))
    noisy = map_png(random.uniform(size=(150, 150)))
    names = ("evidence", "mean attention", "gate 1", "gate 2", "gate 3")
    full = Probe("FRI", picture, [0.5] * MOST_EPOCHS, {one: [noisy] * MOST_EPOCHS for one in names})
    source = Shown("s", "a name", "FRI", 0.9, picture=picture, attention=noisy, evidence=noisy)
    text = training_report_html(
        "t", "s", [], range(MOST_EPOCHS), [full, full], [source] * MOST_WRONG, ""
    )
    assert len(text) < 3e6


def test_more_than_the_page_can_hold_is_refused():
    with pytest.raises(ValueError, match="at most 60 epochs and 200 sources, not 61 and 0"):
        training_report_html("", "", [], range(61), [], [], "")


def test_places_are_evenly_spread_with_both_ends():
    assert spread_out(5, 10) == [0, 1, 2, 3, 4]
    assert spread_out(101, 5) == [0, 25, 50, 75, 100]
    assert spread_out(1, 5) == [0]


def points(svg: str, kind: str) -> list[tuple[float, float]]:
    text = re.search(rf'<polyline class="line {kind}" points="([^"]*)"', svg)[1]
    return [tuple(map(float, one.split(","))) for one in text.split()]


def test_a_line_runs_through_its_values():
    svg = line_chart_svg("loss", [1, 2, 3], {"training": [0.8, 0.4, 0.2]}, marked=2)
    (x1, y1), (x2, y2), (x3, y3) = points(svg, "training")
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)
    # The axis ends at 0.8; y counts from the top.
    assert (y2 - y1) == pytest.approx(2 * (y3 - y2), abs=0.11)
    assert ">0.8</text>" in svg
    marked = re.search(r'class="marked" x1="([\d.]+)"', svg)[1]
    assert float(marked) == pytest.approx(x2)


@pytest.mark.parametrize(("highest", "top"), [(1.04, "1.25"), (2.0, "2"), (2.1, "2.5"), (70, "80")])
def test_the_axis_ends_just_above_the_highest_value(highest, top):
    svg = line_chart_svg("loss", [1, 2], {"training": [highest, 0.1 * highest]})
    assert f">{top}</text>" in svg


def test_values_that_are_not_finite_are_left_out_and_one_epoch_is_a_dot():
    svg = line_chart_svg("loss", [1, 2], {"training": [1.0, np.nan]})
    assert len(points(svg, "training")) == 1
    assert svg.count("<circle") == 1


def test_losses_name_the_kept_epoch_and_leave_out_what_is_not_known():
    history = [{"epoch": n, "loss": 1 / n, "val_loss": 2 / n} for n in (1, 2, 3)]
    section = losses_section(history, 3)
    assert len(section.charts) == 1  # no accuracy
    assert "epoch 3" in section.text[1]
    (plain,) = losses_section([{"epoch": 1, "loss": 0.5}], None).charts
    assert "validation" not in plain


def test_the_evaluation_table_has_a_column_for_each_protocol():
    labels, p = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    clean = evaluate_predictions(labels, p, protocol="test, one clean pass")
    section = evaluation_section([clean, clean])
    head, accuracy, *_ = section.table
    assert head == ["metric", "test, one clean pass", "test, one clean pass"]
    assert accuracy[0] == "accuracy"
    assert accuracy[1].startswith("0.750 (")  # three of four
    assert {"AUC", "F1 FRI", "Brier score", "log loss"} <= {row[0] for row in section.table}


@pytest.mark.slow
@needs_chromium
def test_the_page_in_a_browser(tmp_path):
    """One start of the browser, which takes seconds."""
    path = tmp_path / "report.html"
    history = [{"epoch": n, "loss": 1 / n, "val_loss": 2 / n} for n in (1, 2, 3)]
    path.write_text(page(3, 5, [losses_section(history, 3)]), encoding="utf-8")
    with browser(tmp_path / "profile") as tab:
        tab.open(path.as_uri())
        assert tab.evaluate("document.title") == HOSTILE
        assert tab.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
        assert {url.split(":")[0] for url in tab.requests} <= {"file", "data"}
        assert tab.evaluate("document.querySelectorAll('#probes figure').length") == 2
        assert tab.evaluate("document.getElementById('epoch-number').textContent") == "3 of 3"

        def move_to(place: int) -> None:
            tab.evaluate(
                "(() => { const set = (id, value) => { const one ="
                " document.getElementById(id); one.value = value;"
                "one.dispatchEvent(new Event('input')); };"
                f"set('map', 'mean attention'); set('epoch', {place}); }})()"
            )

        caption = "document.querySelector('#probes figcaption').textContent"
        # The attention moves from 30 to 120, and P(FRII) falls from 0.9 to 0.1.
        for place, text, middle in (
            (0, "true class FRI, network FRII, P(FRII) 0.90", 30.5),
            (2, "true class FRI, network FRI, P(FRII) 0.10", 120.5),
        ):
            move_to(place)
            tab.until(f"{caption} === '{text}'")
            # Contours are drawn when the picture of the map is decoded.
            tab.until(
                "(() => { const path = document.querySelector('#probes path');"
                "if (!path) return false; const box = path.getBBox();"
                f"return Math.abs(box.x + box.width / 2 - {middle}) < 1.5; }})()"
            )
        assert tab.evaluate("document.querySelectorAll('#wrong figure').length") == 5
        assert (
            tab.evaluate(
                "(() => { const one = document.getElementById('wrong-label'); one.value = 'FRII';"
                "one.dispatchEvent(new Event('input'));"
                "return document.querySelectorAll('#wrong figure').length; })()"
            )
            == 2
        )  # numbers 1 and 3
