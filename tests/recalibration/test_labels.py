"""Files of labels, what several people say, and the exchange with other tools."""

import base64
import csv
import io
import json

import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import GivenLabel, agree, read_labels
from keras_astroattn.recalibration.exchange import Task, label_studio_tasks, zooniverse_files
from keras_astroattn.recalibration.labels import require_sources

HEAD = "source,label,labeller,time,part,inclusion_probability\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_are_read_and_the_last_one_of_a_person_counts(tmp_path):
    path = write(
        tmp_path / "labels.csv",
        HEAD
        + '"a,""b""",FRI,Ann,t1,random,0.25\n'
        + "c,unsure,Ann,t2,uncertain,\n"
        + '"a,""b""",FRII,Ann,t3,random,0.25\n',
    )
    assert read_labels(path) == [
        GivenLabel('a,"b"', "FRII", "Ann", "t3", "random", 0.25),
        GivenLabel("c", "unsure", "Ann", "t2", "uncertain", None),
    ]


def test_source_and_label_suffice(tmp_path):
    assert read_labels(write(tmp_path / "l.csv", "label,source\nFRI,a\n")) == [
        GivenLabel("a", "FRI")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no columns source and label"),
        (HEAD, "holds no label"),
        (HEAD + "a,spiral,,,,\n", "line 2: the label 'spiral' is none of FRI, FRII, unsure"),
        (HEAD + ",FRI,,,,\n", "line 2: the source is missing"),
        (HEAD + "a,FRI,,,some,\n", "the part 'some' is unknown"),
        (HEAD + "a,FRI,,,random,\n", "has no probability"),
        (HEAD + "a,FRI,,,random,0\n", "above 0, up to 1"),
        (HEAD + "a,FRI,,,random,x\n", "above 0, up to 1"),
    ],
)
def test_wrong_files_of_labels_are_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_labels(write(tmp_path / "labels.csv", text))


def test_files_that_are_no_text_or_missing_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "no.csv")
    (tmp_path / "l.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no text in UTF-8"):
        read_labels(tmp_path / "l.csv")


def test_the_majority_counts_and_a_tie_is_left_out():
    labels = [
        GivenLabel(*values.split())
        for values in (
            "a FRI Ann",
            "a FRI Bob",
            "a FRII Cy",
            "b FRI Ann",
            "b FRII Bob",
            "c FRII Cy",
        )
    ]
    found = agree(labels)
    assert {source: one.label for source, one in found.labels.items()} == {"a": "FRI", "c": "FRII"}
    assert found.disagreed == ("b",)
    alone = agree(labels, "Bob")
    assert {source: one.label for source, one in alone.labels.items()} == {"a": "FRI", "b": "FRII"}
    with pytest.raises(InputError, match="no label is of Dan; the labellers are Ann, Bob, Cy"):
        agree(labels, "Dan")


def test_labels_of_other_sources_are_refused(tmp_path):
    labels = [GivenLabel(name, "FRI") for name in "abcdef"]
    with pytest.raises(InputError, match=r"does not hold: b, c, d and 2 more"):
        require_sources(labels, ["a"], tmp_path)
    require_sources(labels[:1], ["a"], tmp_path)


TASKS = [
    Task('maps/a,"b".fits', "random", 0.125, b"\x89PNG one"),
    Task("12:187.7059+12.3911", "uncertain", None, b"\x89PNG two"),
]


def test_label_studio_gets_pictures_and_its_answers_are_read(tmp_path):
    sent = json.loads(label_studio_tasks(TASKS))
    kind, _, content = sent[0]["data"]["image"].partition(";base64,")
    assert (kind, base64.b64decode(content)) == ("data:image/png", b"\x89PNG one")
    # What Label Studio's JSON export adds to a task.
    answers = [
        task
        | {
            "id": number,
            "annotations": [
                {
                    "completed_by": {"id": 7, "email": "ann@example.org"},
                    "created_at": "2026-01-01T00:00:00Z",
                    "was_cancelled": False,
                    "result": [
                        {"from_name": "label", "type": "choices", "value": {"choices": [label]}}
                    ],
                },
                {"completed_by": 8, "was_cancelled": True, "result": []},
            ],
        }
        for number, (task, label) in enumerate(zip(sent, ("FRII", "unsure"), strict=True))
    ]
    assert read_labels(write(tmp_path / "export.json", json.dumps(answers))) == [
        GivenLabel(
            'maps/a,"b".fits', "FRII", "ann@example.org", "2026-01-01T00:00:00Z", "random", 0.125
        ),
        GivenLabel(
            "12:187.7059+12.3911", "unsure", "ann@example.org", "2026-01-01T00:00:00Z", "uncertain"
        ),
    ]


def test_zooniverse_gets_a_manifest_and_its_answers_are_read(tmp_path):
    files = zooniverse_files(TASKS)
    assert list(files) == ["manifest.csv", "source-00000.png", "source-00001.png"]
    assert files["source-00001.png"] == b"\x89PNG two"
    rows = list(csv.DictReader(io.StringIO(files["manifest.csv"].decode())))
    assert rows[0] == {
        "image": "source-00000.png", "#source": 'maps/a,"b".fits', "#part": "random",
        "#inclusion_probability": "0.125",
    }  # fmt: skip
    # Columns of the classification export that matter here.
    text = io.StringIO()
    lines = csv.DictWriter(
        text, ["classification_id", "user_name", "created_at", "annotations", "subject_data"]
    )
    lines.writeheader()
    for number, (row, answer) in enumerate(zip(rows, ("FR II", "Not a radio galaxy"), strict=True)):
        lines.writerow(
            {
                "classification_id": number,
                "user_name": "ann",
                "created_at": "t",
                "annotations": json.dumps([{"task": "T0", "value": answer}]),
                "subject_data": json.dumps({"123": {"retired": None} | row}),
            }
        )
    found = read_labels(write(tmp_path / "classifications.csv", text.getvalue()))
    assert found[0] == GivenLabel('maps/a,"b".fits', "FRII", "ann", "t", "random", 0.125)
    assert found[1].label == "not_radio_galaxy"
    bad = text.getvalue().replace("FR II", "no idea")
    with pytest.raises(InputError, match="classification 1: the answer 'no idea' is none of"):
        read_labels(write(tmp_path / "bad.csv", bad))


@pytest.mark.parametrize("text", ["{", "[1]", '[{"annotations": [{"result": [{}]}]}]', "3"])
def test_what_is_no_export_of_label_studio_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="no JSON"):
        read_labels(write(tmp_path / "export.json", text))
