"""Sources to label for Label Studio and Zooniverse, and the answers of both."""

import base64
import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.errors import InputError

from .labels import FRI, FRII, LABELS, NO_GALAXY, UNSURE, GivenLabel, label_of

LABEL_STUDIO_CONFIG = f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <Choices name="label" toName="image" choice="single">
    <Choice value="{FRI}" hotkey="1"/>
    <Choice value="{FRII}" hotkey="2"/>
    <Choice value="{UNSURE}" hotkey="3"/>
    <Choice value="{NO_GALAXY}" hotkey="4"/>
  </Choices>
</View>
"""
"""Labelling interface to paste into Label Studio."""

_WORDS = {
    "fri": FRI, "fr i": FRI, "frii": FRII, "fr ii": FRII, "unsure": UNSURE,
    "not a radio galaxy": NO_GALAXY, "not_radio_galaxy": NO_GALAXY,
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """A source to label.

    Attributes:
        source: text that identifies the source.
        part: part of the sample.
        inclusion: probability with which the random part includes it, or None.
        picture: PNG of the source.
    """

    source: str
    part: str
    inclusion: float | None
    picture: bytes

    def facts(self) -> dict[str, str]:
        """Return the fields that an answer must carry back."""
        inclusion = "" if self.inclusion is None else repr(self.inclusion)
        return {"source": self.source, "part": self.part, "inclusion_probability": inclusion}


def label_studio_tasks(tasks: Iterable[Task]) -> str:
    """Return tasks as JSON for the import of Label Studio; the pictures are inside."""
    found = [
        {"data": {"image": f"data:image/png;base64,{base64.b64encode(one.picture).decode()}"}
         | one.facts()}
        for one in tasks
    ]  # fmt: skip
    return json.dumps(found, indent=0) + "\n"


def zooniverse_files(tasks: Sequence[Task]) -> dict[str, bytes]:
    """Return the files of a Zooniverse subject set: `manifest.csv` and the pictures.

    Columns whose names begin with `#` are not shown to volunteers.
    """
    files = {f"source-{number:05d}.png": one.picture for number, one in enumerate(tasks)}
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["image", "#source", "#part", "#inclusion_probability"])
    for name, one in zip(files, tasks, strict=True):
        lines.writerow([name, *one.facts().values()])
    manifest = text.getvalue().encode("utf-8", "backslashreplace")
    return {"manifest.csv": manifest} | files


def read_label_studio(path: Path, text: str) -> list[GivenLabel]:
    """Read the JSON export of Label Studio.

    Args:
        path: file, for messages.
        text: its content.

    Returns:
        The label of each annotation that was not cancelled.

    Raises:
        InputError: It is no such export.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"labels {path} is no JSON: {error}") from None
    labels = []
    try:
        for number, task in enumerate(found):
            where = f"task {number + 1}"
            for annotation in task["annotations"]:
                if annotation.get("was_cancelled") or not annotation["result"]:
                    continue
                (choice,) = annotation["result"][0]["value"]["choices"]
                by = annotation.get("completed_by", "")
                by = by.get("email", by.get("id", "")) if isinstance(by, dict) else by
                labels.append(
                    label_of(path, task["data"] | {
                        "label": choice, "labeller": by, "time": annotation.get("created_at", ""),
                    }, where)
                )  # fmt: skip
    except InputError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError, IndexError):
        raise InputError(f"labels {path} is no JSON export of Label Studio") from None
    return labels


def read_zooniverse(path: Path, lines: Iterable[Mapping[str, str]]) -> list[GivenLabel]:
    """Read the CSV export of Zooniverse's classifications.

    The answer of the first task counts. It must be one of `LABELS`, or such a label in words.

    Args:
        path: file, for messages.
        lines: its rows by the names of the columns.

    Returns:
        The label of each classification.

    Raises:
        InputError: It is no such export, or an answer is no label.
    """
    labels = []
    for number, line in enumerate(lines):
        where = f"classification {number + 1}"
        try:
            (subject,) = json.loads(line["subject_data"]).values()
            answer = str(json.loads(line["annotations"])[0]["value"])
        except (TypeError, KeyError, ValueError, AttributeError, IndexError):
            raise InputError(f"{path}, {where}: no export of Zooniverse") from None
        word = _WORDS.get(answer.strip().lower())
        if word is None:
            raise InputError(
                f"{path}, {where}: the answer {answer[:40]!r} is none of {', '.join(LABELS)}"
            )
        facts = {name.lstrip("#"): value for name, value in subject.items()}
        by = line.get("user_name") or line.get("user_ip") or where
        values = facts | {"label": word, "labeller": by, "time": line.get("created_at", "")}
        labels.append(label_of(path, values, where))
    return labels
