"""Labels on the disk: history, undo, crashes, and files that are not ours."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import Chosen, read_labels
from keras_astroattn.serve import LabelFile

HEAD = "source,label,labeller,time,part,inclusion_probability\n"
SOURCES = ["a,1", 'b"2"', "c"]


def row_of(source: str) -> int | None:
    return SOURCES.index(source) if source in SOURCES else None


def opened(path: Path) -> LabelFile:
    return LabelFile(path, Path("scored"), row_of)


def give(file: LabelFile, row: int, label: str | None, labeller: str = "Ann", chosen=None) -> None:
    file.give(row, SOURCES[row], label, labeller, chosen)


def test_a_label_is_a_line_that_recalibrate_reads(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI", chosen=Chosen(0, "random", 0.1))
        # Written, although the file is still open.
        (one,) = read_labels(path)
        assert (one.source, one.label, one.labeller) == ("a,1", "FRI", "Ann")
        assert (one.part, one.inclusion) == ("random", 0.1)
        give(file, 1, "unsure", chosen=Chosen(1, "uncertain", None))
    assert path.read_text().startswith(HEAD)
    assert read_labels(path)[1].inclusion is None


def test_a_label_is_synchronised_with_the_disk_before_the_call_returns(tmp_path, monkeypatch):
    path, synchronised = tmp_path / "labels.csv", []
    with opened(path) as file:
        monkeypatch.setattr(os, "fsync", lambda where: synchronised.append(path.read_text()))
        for change in (lambda: give(file, 0, "FRI"), lambda: file.undo("Ann")):
            change()
            assert synchronised[-1:] == [path.read_text()]


def test_the_later_label_counts_and_the_earlier_one_stays_in_the_file(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI")
        give(file, 0, "FRII", "Bob")
        give(file, 0, "unsure")
        assert file.of("Ann") == {0: "unsure"}
        assert file.of("Bob") == {0: "FRII"}
        assert file.of("Eve") == {}
        assert file.count == 2
        text = file.csv()
    assert {(one.labeller, one.label) for one in read_labels(path)} == {
        ("Ann", "unsure"), ("Bob", "FRII")
    }  # fmt: skip
    assert len(path.read_text().splitlines()) == 4
    assert len(text.splitlines()) == 3  # the download holds each label once
    assert ",FRI," not in text


def test_undo_takes_back_the_own_changes_in_turn(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI")
        give(file, 0, "FRII")
        give(file, 1, "FRI", "Bob")
        give(file, 0, None)
        assert file.of("Ann") == {}
        assert [file.undo("Ann"), file.of("Ann")] == [0, {0: "FRII"}]
        assert [file.undo("Ann"), file.of("Ann")] == [0, {0: "FRI"}]
        assert [file.undo("Ann"), file.of("Ann")] == [0, {}]
        assert file.undo("Ann") is None
        assert file.of("Bob") == {1: "FRI"}
    assert [one.labeller for one in read_labels(path)] == ["Bob"]


def test_labels_of_an_earlier_session_count(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI")
        give(file, 1, "FRII")
        give(file, 1, None)
    with opened(path) as file:
        assert file.of("Ann") == {0: "FRI"}
        give(file, 2, "FRII", "Änne „B“, the 2nd")
    with opened(path) as file:
        assert file.of("Änne „B“, the 2nd") == {2: "FRII"}


def test_a_file_without_a_label_is_left_behind_by_nobody(tmp_path):
    with opened(tmp_path / "labels.csv"):
        assert (tmp_path / "labels.csv").exists()
    assert list(tmp_path.iterdir()) == []


CRASH = """
import os, signal, sys
from pathlib import Path
from keras_astroattn.serve import LabelFile
file = LabelFile(Path(sys.argv[1]), Path("scored"), lambda source: int(source))
write = os.write
def killed(descriptor, content):
    if len(given) == 3:  # the third label: the machine ends in the middle of its line
        write(descriptor, content[:9])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(descriptor, content)
os.write = killed
given = []
for number in range(5):
    given.append(number)
    file.give(number, str(number), "FRI", "Ann", None)
    print(number, flush=True)
"""


def test_kill_in_the_middle_of_a_line_loses_no_finished_label(tmp_path):
    path = tmp_path / "labels.csv"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.split() == ["0", "1"]
    assert not path.read_bytes().endswith(b"\n")
    with LabelFile(path, Path("scored"), int) as file:
        assert file.of("Ann") == {0: "FRI", 1: "FRI"}
        assert file.dropped == "2,FRI,Ann"
        file.give(2, "2", "FRII", "Ann", None)
    assert [one.label for one in read_labels(path)] == ["FRI", "FRI", "FRII"]


@pytest.mark.parametrize("cut", [1, 20, len(HEAD) - 1])
def test_a_first_line_that_was_cut_is_written_again(tmp_path, cut):
    path = tmp_path / "labels.csv"
    path.write_text(HEAD[:cut])
    with opened(path) as file:
        give(file, 0, "FRI")
    assert len(read_labels(path)) == 1


def test_a_line_end_in_quotes_ends_no_line(tmp_path):
    path = tmp_path / "labels.csv"
    whole = HEAD + '"a,1",FRI,Ann,,,\n'
    path.write_text(whole + '"c\n')
    with opened(path) as file:
        assert file.of("Ann") == {0: "FRI"}
        assert file.dropped == '"c\n'
    assert path.read_text() == whole


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEAD + "other,FRI,Ann,,,\n", "scored does not hold: other"),
        (HEAD + "c,quasar,Ann,,,\n", "the label 'quasar' is none of"),
        ("source,label\nc,FRI\n", "begins with other columns"),
        ("no table\n", "begins with other columns"),
        ("\0\1\2\n", "begins with other columns"),
    ],
)
def test_a_file_that_is_not_of_this_table_is_refused_unchanged(tmp_path, content, told):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=told):
        opened(path)
    assert path.read_text() == content


def test_two_processes_do_not_write_one_file(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI")
        with pytest.raises(InputError, match="in use by another astroattn serve"):
            opened(path)
    with opened(path) as file:
        assert file.count == 1


def test_a_folder_that_is_missing_is_one_error(tmp_path):
    with pytest.raises(InputError, match=r"labels\.csv cannot be written: No such file"):
        opened(tmp_path / "no" / "labels.csv")
    with pytest.raises(InputError, match="cannot be written"):
        opened(tmp_path)


def test_a_full_disk_refuses_the_label_and_leaves_the_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        give(file, 0, "FRI")
        before = path.read_text()
        write = os.write
        monkeypatch.setattr(os, "write", lambda where, text: write(where, text[:5]))
        with pytest.raises(InputError, match="No space left"):
            give(file, 1, "FRI")
        with pytest.raises(InputError, match="No space left"):
            file.undo("Ann")
        monkeypatch.undo()
        assert path.read_text() == before
        assert file.of("Ann") == {0: "FRI"}
        assert file.undo("Ann") == 0


def test_a_file_that_was_moved_takes_no_label(tmp_path):
    path = tmp_path / "labels.csv"
    with opened(path) as file:
        path.rename(tmp_path / "other.csv")
        with pytest.raises(InputError, match="was moved or removed"):
            give(file, 0, "FRI")
    assert (tmp_path / "other.csv").read_text() == HEAD
