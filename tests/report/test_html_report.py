"""The HTML report as text: escaping, its policy, its charts and pictures."""

import base64
import hashlib
import io
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from support.html_elements import HOSTILE, Elements

from keras_astroattn.report import MOST_SOURCES, Section, Shown, report_html
from keras_astroattn.report.charts import histogram, histogram_svg
from keras_astroattn.report.sky import mollweide, sky_svg
from keras_astroattn.report.summary import counts_section, histograms_section, sky_section
from keras_astroattn.report.thumbnails import evidence_png, map_png, picture_png


def page(sources=(), sections=()) -> str:
    return report_html(HOSTILE, HOSTILE, sections, sources, HOSTILE, HOSTILE, {}, {HOSTILE: ""})


def test_no_text_of_a_table_becomes_markup():
    source = Shown(HOSTILE, HOSTILE, "error", flags=(HOSTILE,), note=HOSTILE)
    section = Section(HOSTILE, [(HOSTILE,), (HOSTILE,)], (), [HOSTILE])
    found = Elements(page([source], [section]))
    assert found.of("img") == []
    assert len(found.of("script")) == 2
    data = json.loads(found.texts[1])
    assert data["sources"][0][:3] == [HOSTILE, HOSTILE, "error"]
    assert data["flags"] == {HOSTILE: ""}


def test_the_policy_admits_this_script_and_style_alone():
    found = Elements(page())
    (policy,) = [one["content"] for one in found.of("meta") if "http-equiv" in one]
    style, _, script = found.texts
    for text, kind in ((style, "style-src"), (script, "script-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    # What the policy would refuse: styles and handlers in attributes.
    assert not [a for _, attributes in found.found for a in attributes if a.startswith("on")]
    assert not [a for _, attributes in found.found for a in attributes if a == "style"]


def test_a_report_of_a_thousand_sources_is_below_five_megabytes():
    noise = np.random.default_rng(0).uniform(0, 255, (150, 150))
    y, x = np.mgrid[:150, :150]
    # A source that fills an eighth of the frame with noise; those of MiraBest fill less.
    picture = picture_png(np.where(np.hypot(x - 75, y - 75) < 30, noise, 0).astype(np.uint8))
    attention = map_png(np.hypot(x - 75, y - 75))
    one = Shown(
        "s", "a name of usual length.fits", "FRI", 0.25, picture=picture, attention=attention
    )
    assert len(page([one] * 1000)) < 5e6


def test_more_sources_than_a_page_can_hold_are_refused():
    with pytest.raises(ValueError, match="at most 5000"):
        page([Shown("s", "n", "FRI")] * (MOST_SOURCES + 1))


def test_mollweide_is_that_of_matplotlib():
    from matplotlib.projections.geo import MollweideAxes

    random = np.random.default_rng(1)
    longitude = random.uniform(-np.pi, np.pi, 200)
    latitude = np.append(random.uniform(-1.57, 1.57, 198), [0.0, -1.5])
    expected = MollweideAxes.MollweideTransform(1).transform_non_affine(
        np.stack([longitude, latitude], axis=1)
    )
    np.testing.assert_allclose(np.stack(mollweide(longitude, latitude), 1), expected, atol=2e-3)


def dots(svg: str, kind: str) -> np.ndarray:
    path = re.search(rf'<path class="dot {kind}" d="([^"]*)"', svg)[1]
    return np.array(
        [[float(n) for n in one.split()] for one in path.replace("h0", "").split("M")[1:]]
    )


def test_a_small_area_is_drawn_with_north_up_and_east_to_the_left():
    names = {"fri": "FRI", "frii": "FRII"}
    svg = sky_svg(
        np.array([359.9, 0.1, 0.1]), np.array([10.0, 10.0, 10.1]), ["fri", "frii", "frii"], names
    )
    ((west, _),) = dots(svg, "fri")
    (east, low), (_, high) = dots(svg, "frii")
    assert east < west  # right ascension 0.1 is east of 359.9
    assert high < low  # SVG counts from the top
    # 0.2 degrees of RA at Dec 10 are 0.197 degrees, 0.1 of Dec are 0.1.
    assert (west - east) / (low - high) == pytest.approx(2 * np.cos(np.radians(10)), rel=0.01)
    assert "tangent plane" in svg


@pytest.mark.parametrize("dec", [0.0, 30.0, 75.0])
@pytest.mark.parametrize("width", [0.01, 0.3, 4.0])
def test_labels_of_the_right_ascension_do_not_overlap(dec, width):
    east = np.array([-0.5, 0.0, 0.5]) * width / np.cos(np.radians(dec))
    svg = sky_svg((359.98 + east) % 360, np.array([dec] * 3), ["fri"] * 3, {"fri": "FRI"})
    labels = re.findall(r'<text x="([^"]*)" y="356.0" text-anchor="middle">([^<]*)', svg)
    assert len(labels) >= 3
    # The letters of the page are at most 8 units wide.
    ends = sorted((float(x) - 4 * len(text), float(x) + 4 * len(text)) for x, text in labels)
    assert all(end < start for (_, end), (start, _) in pairwise(ends))
    assert ends[0][0] >= 0
    assert ends[-1][1] <= 720


def test_a_wide_area_is_drawn_on_the_whole_sky():
    svg = sky_svg(np.array([0.0, 180.0]), np.array([0.0, 0.0]), ["fri", "fri"], {"fri": "FRI"})
    assert "Mollweide" in svg
    (edge, a), (middle, b) = dots(svg, "fri")
    assert (a, b, middle) == (180, 180, 360)
    assert edge == pytest.approx(360 + 320, abs=0.1)  # RA 0 is the right edge


def test_unknown_positions_draw_nothing():
    assert sky_svg(np.array([np.nan]), np.array([1.0]), ["fri"], {"fri": "FRI"}) == ""
    assert sky_section(["FRI"], np.array([np.nan]), np.array([np.nan])) is None


def test_a_histogram_counts_each_known_value_once():
    values = np.array([0.0, 0.1, 0.95, 1.0, np.nan])
    chart = histogram("p", values, ["a", "b", "a", "a", "a"], ("a", "b"), (0, 1), bins=4)
    assert chart.counts["a"].tolist() == [1, 0, 0, 2]
    assert chart.counts["b"].tolist() == [1, 0, 0, 0]
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"', histogram_svg(chart))]
    assert sorted(heights) == pytest.approx(sorted([73, 73, 146]), abs=0.1)  # of 2 x 73 units


def test_a_logarithmic_histogram_leaves_out_zeros():
    chart = histogram("s", np.array([0.0, 1.0, 10.0, 1000.0]), ["a"] * 4, ("a",), bins=3)
    np.testing.assert_allclose(chart.edges, [1, 10, 100, 1000])
    assert chart.counts["a"].tolist() == [1, 1, 1]
    assert histogram("s", np.array([0.0, np.nan]), ["a"] * 2, ("a",)) is None
    same = histogram("s", np.array([5.0, 5.0]), ["a"] * 2, ("a",))
    assert same.counts["a"].sum() == 2


def test_counts_are_those_of_the_table():
    section = counts_section(
        ["FRI", "FRI", "error", "FRII"], ["low_snr", "edge;low_snr", "", ""],
        ["", "", "is empty", ""], {"FRI": "edge-darkened", "low_snr": "faint"},
    )  # fmt: skip
    rows = {row[0]: row[1:] for row in section.table}
    assert rows["FRI"] == (2, "50.0%", "edge-darkened")
    assert rows["flag low_snr"] == (2, "50.0%", "faint")
    assert rows["flag edge"][0] == 1
    assert rows["error: is empty"] == (1, "25.0%", "")


def test_point_sources_are_said_to_be_left_out():
    size = np.array([0.0, 10.0])
    text = histograms_section(["compact", "FRI"], np.array([np.nan, 0.1]), size, size + 5).text
    assert any("size 0" in line for line in text)


def levels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L")) // 17


def test_a_picture_has_a_square_root_stretch():
    pixels = np.zeros((150, 150), np.uint8)
    pixels[0, :3] = 255, 64, 1
    assert levels(picture_png(pixels))[0, :4].tolist() == [15, 8, 1, 0]


def test_a_small_map_is_the_mean_of_blocks_of_four_pixels():
    values = np.zeros((150, 150))
    values[3:7, 3:7] = 2.0  # the block (1, 1), as the margin is one pixel
    values[7:11, 3:7] = 1.0
    found = levels(map_png(values))
    assert found.shape == (38, 38)
    assert (found[1, 1], found[2, 1]) == (15, 8)
    assert found.sum() == 23
    assert levels(map_png(np.ones((150, 150)))).sum() == 0


def test_evidence_keeps_its_sign():
    values = np.zeros((150, 150))
    values[3, 3], values[7, 3] = -1.0, 0.5
    found = levels(evidence_png(values))
    assert (found[1, 1], found[2, 1], found[0, 0]) == (1, 12, 8)  # 8 - 7, 8 + 3.5 (to even), 8
