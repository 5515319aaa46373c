"""The web application: its answers, and what clients may not ask."""

import csv
import io

import pytest
from starlette.testclient import TestClient
from support.served_table import write_parts

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import Chosen, read_labels
from keras_astroattn.report import Shown
from keras_astroattn.serve import LabelFile, Served, read_sources, web_application
from keras_astroattn.serve.application import PAGE_ROWS

CHOSEN = {0: Chosen(0, "random", 0.4), 2: Chosen(2, "random", 0.4), 3: Chosen(3, "uncertain", None)}
HUGE = "9" * 5000


@pytest.fixture
def labels(tmp_path):
    return tmp_path / "labels.csv"


@pytest.fixture
def client(tmp_path, labels):
    table = read_sources(write_parts(tmp_path / "scored"), "id")
    drawn = []

    def shown(rows):
        result = table.result(rows)
        return [
            Shown(*one) for one in zip(result.sources, result.names, result.labels, strict=True)
        ]

    def picture(row):
        drawn.append(row)
        return Shown("s", "n", "FRI", picture=b"picture" if row == 3 else None)

    def sent(rows):
        assert rows == [2, 0]
        return ["topcat"]

    with LabelFile(labels, table.path, table.row_of) as file:
        served = Served(table, CHOSEN, file, shown, picture, lambda: "<!DOCTYPE html>page", sent)
        with TestClient(web_application(served)) as opened:
            opened.drawn = drawn
            yield opened


def numbers(client, **query):
    answer = client.get("/sources", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["numbers"]


def test_rows_are_filtered_in_order(client):
    found = client.get("/sources", params={"label": "FRI", "order": "snr"}).json()
    assert found["count"] == 2
    assert found["numbers"] == [2, 0]
    assert [row[1] for row in found["sources"]] == ["gamma", "Alpha"]
    assert found["mine"] == [None, None]
    assert numbers(client, name="TA", snr="6", size="") == [1]
    assert numbers(client, page="1") == []


def test_parts_of_the_sample_and_the_own_labels_filter(client):
    assert numbers(client, part="chosen") == [0, 2, 3]
    assert numbers(client, part="random", order="snr") == [2, 0]
    assert numbers(client, part="uncertain") == [3]
    client.post("/labels", json={"row": 2, "label": "FRII", "labeller": "Ann"})
    assert numbers(client, part="unlabelled", labeller="Ann") == [0, 3]
    assert numbers(client, part="labelled", labeller="Ann") == [2]
    assert numbers(client, part="labelled", labeller="Bob") == []
    found = client.get("/sources", params={"labeller": "Ann"}).json()
    assert (found["mine"], found["labelled"]) == ([None, None, "FRII", None, None], 1)


def test_a_page_of_rows_is_limited(tmp_path, labels):
    rows = {
        name: [value] * (PAGE_ROWS + 3)
        for name, value in {
            "aa_row": 1, "aa_ra": 1.0, "aa_dec": 1.0, "aa_path": "x", "aa_label": "FRI",
            "aa_p_fri": 0.9, "aa_p_frii": 0.1,
        }.items()
    }  # fmt: skip
    table = read_sources(write_parts(tmp_path / "scored", rows))
    with LabelFile(labels, table.path, table.row_of) as file:
        served = Served(table, {}, file, lambda rows: [], lambda row: None, lambda: "", None)
        client = TestClient(web_application(served))
        assert len(numbers(client)) == PAGE_ROWS
        assert numbers(client, page="1") == [PAGE_ROWS, PAGE_ROWS + 1, PAGE_ROWS + 2]


def test_a_picture_is_drawn_once(client):
    for _ in range(2):
        assert client.get("/pictures/3").json()[-3] == "cGljdHVyZQ=="
    assert client.drawn == [3]


def test_a_picture_that_was_not_found_is_looked_for_again(client):
    for _ in range(2):
        assert client.get("/pictures/1").json()[-3] is None
    assert client.drawn == [1, 1]


def test_a_label_is_in_the_file_before_the_answer(client, labels):
    answer = client.post("/labels", json={"row": 0, "label": "FRI", "labeller": " Ann "})
    assert answer.json() == {"labelled": 1}
    (one,) = read_labels(labels)
    assert (one.source, one.label, one.labeller) == ("4:10.0000-5.0000", "FRI", "Ann")
    assert (one.part, one.inclusion) == ("random", 0.4)
    client.post("/labels", json={"row": 1, "label": "unsure", "labeller": ""})
    assert [one.labeller for one in read_labels(labels)] == ["Ann", "anonymous"]
    client.post("/labels", json={"row": 0, "label": None, "labeller": "Ann"})
    assert [one.labeller for one in read_labels(labels)] == ["anonymous"]
    rows = list(csv.DictReader(io.StringIO(client.get("/labels.csv").text)))
    assert [row["label"] for row in rows] == ["unsure"]


def test_undo_says_what_the_label_is_now(client):
    for label in ("FRI", "FRII"):
        client.post("/labels", json={"row": 1, "label": label, "labeller": "Ann"})
    undo = [client.post("/undo", json={"labeller": "Ann"}).json() for _ in range(3)]
    assert undo == [
        {"row": 1, "label": "FRI", "labelled": 1},
        {"row": 1, "label": None, "labelled": 0},
        {"row": None, "label": None, "labelled": 0},
    ]


def test_a_label_that_is_not_written_is_an_error_of_the_server(client, labels):
    labels.unlink()
    answer = client.post("/labels", json={"row": 0, "label": "FRI", "labeller": "Ann"})
    assert answer.status_code == 500
    assert "was moved or removed" in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/pictures/5", "/pictures/-1", "/pictures/1.0", "/pictures/0x1", "/pictures/",
        "/pictures/ 1",
        "/pictures/%D9%A1",  # the digit 1 in Arabic
        "/pictures/..%2F..%2Fetc%2Fpasswd", "/pictures/../../etc/passwd", "/../etc/passwd",
        f"/pictures/{HUGE}", "/pictures/99999999999999999999", "/scored/part-000000.parquet",
        "/sources/0", "/labels.csv/x", "//etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_source_is_not_found(client, address):
    assert client.get(address).status_code == 404
    assert client.drawn == []


@pytest.mark.parametrize(
    "query",
    [
        {"page": "-1"}, {"page": HUGE}, {"page": "x"}, {"snr": "nan"}, {"snr": "inf"},
        {"size": "1e999"}, {"size": "x"}, {"order": "__class__"}, {"part": "x"},
        {"name": "a" * 201}, {"label": "a" * 201}, {"labeller": "a" * 81}, {"labeller": "a\nb"},
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(client, query):
    assert client.get("/sources", params=query).status_code == 400


@pytest.mark.parametrize("query", [{"page": "999999999999"}, {"snr": "1e308"}, {"name": "\0(["}])
def test_an_odd_query_finds_nothing(client, query):
    assert numbers(client, **query) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"row": 5, "label": "FRI", "labeller": "a"}, 404),
        ({"row": -1, "label": "FRI", "labeller": "a"}, 404),
        ({"row": 10**40, "label": "FRI", "labeller": "a"}, 404),
        ({"row": True, "label": "FRI", "labeller": "a"}, 404),
        ({"row": 1.0, "label": "FRI", "labeller": "a"}, 404),
        ({"row": "0", "label": "FRI", "labeller": "a"}, 404),
        ({"label": "FRI", "labeller": "a"}, 404),
        ({"row": 0, "label": "quasar", "labeller": "a"}, 400),
        ({"row": 0, "label": "cleared", "labeller": "a"}, 400),
        ({"row": 0, "label": ["FRI"], "labeller": "a"}, 400),
        ({"row": 0, "label": "FRI"}, 400),
        ({"row": 0, "label": "FRI", "labeller": 1}, 400),
        ({"row": 0, "label": "FRI", "labeller": "a" * 81}, 400),
        ({"row": 0, "label": "FRI", "labeller": "a\r\nb"}, 400),
        ([], 400),
        ("FRI", 400),
    ],
)
def test_a_label_that_makes_no_sense_is_refused(client, labels, body, status):
    before = labels.read_text()
    assert client.post("/labels", json=body).status_code == status
    assert labels.read_text() == before


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"row": 0, "label": "FRI", "labeller": "\\ud800"}', "application/json", 400),
        (b"{", "application/json", 400),
        (b"null", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 9000, "application/json", 400),
        (b'{"row": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b" " * 10_001, "application/json", 413),
        (b'{"row": 0, "label": "FRI", "labeller": "a"}', "text/plain", 415),  # of a form
        (b"row=0&label=FRI", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_is_no_short_json_is_refused(client, labels, content, kind, status):
    before = labels.read_text()
    answer = client.post("/labels", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert labels.read_text() == before


def test_the_sources_of_a_query_are_sent_to_other_programs(client):
    query = {"label": "FRI", "order": "snr"}
    answer = client.post("/send", params=query, json={})
    assert answer.json() == {"count": 2, "programs": ["topcat"]}
    assert client.post("/send", params={"label": "x"}, json={}).status_code == 400
    assert client.post("/send", params=query).status_code == 415


def test_labels_are_not_given_by_a_link(client):
    assert client.get("/labels?row=0&label=FRI").status_code == 405
    assert client.get("/undo").status_code == 405
    assert client.get("/send").status_code == 405


def test_a_table_that_fails_is_one_line(tmp_path, labels):
    table = read_sources(write_parts(tmp_path / "scored"), "id")

    def picture(row):
        raise InputError("no\nsuch map")

    with LabelFile(labels, table.path, table.row_of) as file:
        client = TestClient(
            web_application(Served(table, {}, file, lambda rows: [], picture, lambda: "", None))
        )
        assert client.get("/pictures/0").text == "no such map"
