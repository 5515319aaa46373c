"""The page of `astroattn serve` in a browser, from the printed address to the file of labels."""

import time

import pytest
from PIL import Image
from support.browser import BROWSERS, browser
from support.serving import served
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.recalibration import read_labels

HOSTILE = "<img src=x onerror=\"document.title='executed'\">.png"


def text_of(identity: str) -> str:
    return f"document.getElementById('{identity}').textContent"


def change(identity: str, value: str) -> str:
    return (
        f"(() => {{ const one = document.getElementById('{identity}'); one.value = '{value}';"
        "one.dispatchEvent(new Event('input')); })()"
    )


def wait_for_labels(path, labels: dict[tuple[str, str], str]) -> None:
    """Wait until the file holds these labels by labeller and name of the file."""
    deadline = time.monotonic() + 60
    while True:
        lines = path.read_text().count("\n")
        found = read_labels(path) if lines > 1 else []
        if {(one.labeller, one.source.rpartition("/")[2]): one.label for one in found} == labels:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", BROWSERS)
def test_the_served_page_in_a_browser(tmp_path, model_path, name):
    (tmp_path / "maps").mkdir()
    for file in ("a.png", "b.png", HOSTILE):
        Image.fromarray(radio_galaxy()).save(tmp_path / "maps" / file)
    table, labels = tmp_path / "r.csv", tmp_path / "r.labels.csv"
    given = ("classify", tmp_path / "maps", "--model", model_path, "--output", table)
    assert run_app(app, list(map(str, given))) == 0
    with (
        served(table, "--model", model_path) as (process, address),
        browser(tmp_path / "profile", name) as tab,
    ):
        tab.open(address)
        tab.until(f"{text_of('count')} === '3 of 3 sources'")
        # The token has left the address; a cookie that scripts do not see is in its place.
        assert tab.evaluate("location.search") == ""
        assert tab.evaluate("document.cookie") == ""
        # Pictures and contours come from the server; names are text.
        tab.until("document.querySelectorAll('#grid img').length === 3")
        tab.until("document.querySelectorAll('#grid path').length > 0")
        tab.evaluate(change("order", "name"))
        tab.until(f"document.querySelector('#grid .card p').textContent === {HOSTILE!r}")
        assert tab.evaluate("document.title") == "Sources of r.csv"
        assert tab.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
        # Each key is in the file at once.
        tab.press("2")
        tab.press("1")
        wait_for_labels(labels, {("anonymous", HOSTILE): "FRII", ("anonymous", "a.png"): "FRI"})
        tab.press("u")
        wait_for_labels(labels, {("anonymous", HOSTILE): "FRII"})
        # Another labeller has other labels; filters are those of the server.
        tab.evaluate(change("labeller", "Bob"))
        tab.until(f"{text_of('progress')}.startsWith('0 labels of Bob')")
        tab.evaluate("document.activeElement.blur()")
        tab.press("3")
        wait_for_labels(labels, {("anonymous", HOSTILE): "FRII", ("Bob", HOSTILE): "unsure"})
        tab.evaluate(change("filter-part", "labelled"))
        tab.until(f"{text_of('count')} === '1 of 3 sources'")
        # A page that is opened again, here without a token, has all labels.
        tab.open("about:blank")
        tab.open(address.partition("?")[0])
        tab.until(f"{text_of('progress')}.startsWith('1 labels of anonymous')")
        origins = {"http://" + address.split("/")[2], "about:blank"}
        assert not [
            url for url in tab.requests
            if not url.startswith(("data:", *origins))
        ]  # fmt: skip
        # A label that cannot be saved is no label, and the page says so.
        tab.evaluate(change("order", "name"))
        tab.until(f"document.querySelector('#grid .card p').textContent === {HOSTILE!r}")
        process.kill()
        process.wait()
        tab.press("1")
        tab.until(f"{text_of('problem')}.includes('is not saved. The server does not answer')")
        marks = "[...document.querySelectorAll('.mine')].map((one) => one.textContent)"
        assert tab.evaluate(marks) == ["FRII"]
    wait_for_labels(labels, {("anonymous", HOSTILE): "FRII", ("Bob", HOSTILE): "unsure"})
