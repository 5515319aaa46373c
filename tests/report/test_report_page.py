"""The page of a report in a browser, and its scripts in Node."""

import base64
import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.browser import BROWSERS, browser

from keras_astroattn.outputs import probability_text
from keras_astroattn.report import Shown, report_html
from keras_astroattn.report.thumbnails import map_png, picture_png

PAGE = Path(report_html.__code__.co_filename).parent / "page"
NODE = shutil.which("node")
HOSTILE = "</script><img src=x onerror=\"document.title='executed'\"><!--<script>"


def run_node(*scripts: str, code: str):
    if NODE is None:
        pytest.skip("no Node.js on this machine")
    text = "\n".join((PAGE / name).read_text() for name in scripts)
    printed = f"{text}\nconsole.log(JSON.stringify((() => {{ {code} }})()));"
    done = subprocess.run([NODE, "-e", printed], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_contour_runs_where_the_level_is_crossed():
    # One pixel of 1 among zeros: at level 0.5 a diamond, half a pixel from the middle (1, 1).
    path = run_node("contours.js", code="return contourPath([0,0,0, 0,1,0, 0,0,0], 3, 0.5, 10, 0)")
    lines = [line.split("L") for line in path.split("M")[1:]]
    points = {tuple(map(float, end.split())) for line in lines for end in line}
    assert points == {(10, 5), (15, 10), (10, 15), (5, 10)}
    assert len(lines) == 4


def test_a_contour_is_closed_at_the_margin_and_absent_where_nothing_crosses():
    full = run_node("contours.js", code="return contourPath([1,1,1,1], 2, 0.5, 10, 0)")
    ends = [end for line in full.split("M")[1:] for end in line.split("L")]
    assert len(ends) == 8
    assert all(ends.count(end) == 2 for end in ends)  # each point ends two lines
    assert run_node("contours.js", code="return contourPath([0,0,0,0], 2, 0.5, 10, 0)") == ""


def test_labels_are_kept_apart_by_labeller_undone_and_written_as_csv():
    text, after, stored = run_node(
        "labels.js",
        code="""
        const kept = {};
        const storage = {getItem: (k) => kept[k] ?? null, setItem: (k, v) => { kept[k] = v; }};
        const labels = new Labels("id", storage);
        labels.set("Ann", 'a,"b"', "FRI");
        labels.set("Bob", 'a,"b"', "FRII");
        labels.set("Ann", "c", "unsure");
        const text = labels.csv((source) => source === "c" ? ["random", 0.25] : ["", null]);
        labels.set("Ann", "c", null);
        labels.undo();
        labels.undo();
        const again = new Labels("id", storage);
        return [text, labels.of("Ann", "c"), again.of("Bob", 'a,"b"')];
        """,
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["source"], row["label"], row["labeller"]) for row in rows] == [
        ('a,"b"', "FRI", "Ann"),
        ("c", "unsure", "Ann"),
        ('a,"b"', "FRII", "Bob"),
    ]
    assert (rows[1]["part"], rows[1]["inclusion_probability"]) == ("random", "0.25")
    assert after is None  # the first undo gives the label back, the second takes it
    assert stored == "FRII"


def test_labels_survive_a_browser_without_storage():
    code = """
    const labels = new Labels("id", null);
    labels.set("Ann", "a", "FRI");
    return [labels.kept, labels.of("Ann", "a")];
    """
    assert run_node("labels.js", code=code) == [False, "FRI"]


def test_the_page_writes_probabilities_as_python_does():
    some = [0.0, 0.00004, 0.0012, 0.25, 0.381, 0.9947, 0.9982, 0.99964, 0.99997, 1.0]
    texts = run_node("pictures.js", code=f"return {some}.map(probabilityText)")
    assert texts == list(map(probability_text, some))


def sources(count: int) -> list[Shown]:
    y, x = np.mgrid[:150, :150]
    lobe = np.exp(-((x - 50) ** 2 + (y - 75) ** 2) / 200.0)
    picture, attention = picture_png((255 * lobe).astype(np.uint8)), map_png(lobe)
    return [
        Shown(
            f"{HOSTILE}{number}",
            f"{HOSTILE}{number}",
            "FRII" if number % 2 else "FRI",
            p_frii=number / count,
            snr=10.0 + number,
            size=20.0,
            flags=("low_snr",),
            ra=10.0,
            dec=-5.0,
            part="random",
            inclusion=0.5,
            picture=picture,
            attention=attention,
        )
        for number in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", BROWSERS)
def test_the_page_in_a_browser(tmp_path, name):
    """One start of the browser, which takes seconds."""
    page = tmp_path / "report.html"
    page.write_text(
        report_html(HOSTILE, HOSTILE, [], sources(900), "id", HOSTILE, {"FRI": "x"}, {}),
        encoding="utf-8",
    )
    with browser(tmp_path / "profile", name) as tab:
        tab.open(page.as_uri())
        # Nothing of the names is markup, and nothing leaves the page.
        assert tab.evaluate("document.title") == HOSTILE
        assert tab.evaluate("document.querySelector('h1').textContent") == HOSTILE
        assert tab.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
        assert tab.evaluate("document.querySelectorAll('script').length") == 2
        assert tab.evaluate("document.querySelector('#grid p').textContent") == f"{HOSTILE}0"
        assert {url.split(":")[0] for url in tab.requests} <= {"file", "data"}
        # Of 900 cards only the visible ones exist.
        assert 0 < tab.evaluate("document.querySelectorAll('.card').length") < 60
        # The contour of the lobe at (50, 75) is around it.
        box = tab.evaluate(
            "(async () => { await new Promise((done) => setTimeout(done, 500));"
            "const path = document.querySelector('#detail path'); const box = path.getBBox();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        assert box == pytest.approx([50.5, 75.5], abs=1.5)  # the middle of pixel (50, 75)
        assert tab.evaluate(
            "[...document.querySelectorAll('#detail a')].map((one) => one.href)"
        ) == [
            "https://aladin.cds.unistra.fr/AladinLite/?target=10.00000%20-5.00000&fov=0.1",
            "https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=10.00000%20-5.00000"
            "&Radius=1&Radius.unit=arcmin",
            "https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search"
            "&coordinates=10.00000d%20-5.00000d&radius=1",
        ]
        # Order and filters.
        tab.evaluate(
            "(() => { const set = (id, value) => { const one = document.getElementById(id);"
            "one.value = value; one.dispatchEvent(new Event('input')); };"
            "set('order', 'snr'); set('filter-label', 'FRI'); set('filter-snr', '500'); })()"
        )
        assert tab.evaluate("document.getElementById('count').textContent").startswith(
            "205 of 900"  # even numbers from 490 to 898
        )
        assert tab.evaluate("document.querySelector('#grid p').textContent") == f"{HOSTILE}898"
        empty = "getComputedStyle(document.getElementById('grid'), '::before').content"
        assert "No source" not in tab.evaluate(empty)
        for text, sources_pass in (("no such name", False), ("", True)):
            tab.evaluate(
                "(() => { const one = document.getElementById('filter-name');"
                f"one.value = '{text}'; one.dispatchEvent(new Event('input')); }})()"
            )
            assert ("No source passes the filters" in tab.evaluate(empty)) is not sources_pass
        # Keys label the selected source and go to the next one.
        for key in "123":
            tab.press(key)
        tab.press("u")
        found = json.loads(tab.evaluate("localStorage.getItem('astroattn-labels-id')"))
        assert [who for who, _ in found] == ["anonymous"]
        assert {source: label for source, (label, _) in found[0][1]} == {
            f"{HOSTILE}898": "FRI",
            f"{HOSTILE}896": "FRII",
        }
        tab.open("about:blank")
        tab.open(page.as_uri())  # labels survive the page
        assert "2 labels of anonymous" in tab.evaluate(
            "document.getElementById('progress').textContent"
        )


def test_pictures_are_of_four_bits_and_small():
    (one,) = sources(1)
    for content, size in ((one.picture, 150), (one.attention, 38)):
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(content[16:20], "big") == size
        assert content[24] == 4  # bit depth
    assert len(base64.b64encode(one.attention)) < 1000
