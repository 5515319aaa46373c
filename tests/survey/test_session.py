"""Who may write to an output folder, and whether a run may go on in it."""

import errno
import json

import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.survey import session


def test_a_folder_is_held_against_other_runs(tmp_path):
    with (
        session.open_output(tmp_path / "output") as folder,
        pytest.raises(InputError, match="is in use by another run"),
        session.open_output(folder),
    ):
        pass
    with session.open_output(folder):
        pass


def test_a_new_folder_goes_again_if_an_error_leaves_it_empty(tmp_path):
    def fail(folder, content=None):
        with session.open_output(folder):
            if content:
                (folder / content).touch()
            raise InputError("of the inputs")

    (tmp_path / "before").mkdir()
    for name, content in (("empty", None), ("used", "part"), ("before", None)):
        with pytest.raises(InputError, match="of the inputs"):
            fail(tmp_path / name, content)
    assert {path.name for path in tmp_path.iterdir()} == {"used", "before"}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=r"--output .*file/output cannot be written: Not a dir"),
        session.open_output(tmp_path / "file" / "output"),
    ):
        pass


def test_a_full_disk_asks_for_room():
    for number, todo in ((errno.ENOSPC, "make room"), (errno.EACCES, "correct that")):
        line = str(session.unwritable("a", OSError(number, "")))
        assert line.startswith("a cannot be written: ")
        assert line.endswith(f"; {todo}, then add --resume")


def finished(folder, identity, resume=True):
    return session.finished_summary(folder, identity, resume)


def test_a_finished_survey_answers_only_the_same_options(tmp_path):
    assert finished(tmp_path, {"rows": "source"}) is None
    (tmp_path / session.SUMMARY).write_text(json.dumps({"identity": {"rows": "source"}}))
    assert finished(tmp_path, {"rows": "source"})["was_complete"]
    with pytest.raises(InputError, match="--resume: the earlier run had another rows"):
        finished(tmp_path, {"rows": "component"})
    with pytest.raises(InputError, match="holds a survey: name another folder"):
        finished(tmp_path, {"rows": "source"}, resume=False)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "1", '{"identity": 3}'])
def test_a_damaged_summary_is_one_line(tmp_path, content):
    (tmp_path / session.SUMMARY).write_text(content)
    with pytest.raises(InputError, match="is damaged"):
        finished(tmp_path, {"rows": "source"})


def test_the_beginning_of_a_survey_needs_resume(tmp_path):
    (tmp_path / session.WORK).mkdir()
    assert finished(tmp_path, {}) is None
    with pytest.raises(InputError, match="the beginning of a survey: add --resume"):
        finished(tmp_path, {}, resume=False)


def test_every_option_that_changes_the_result_is_part_of_the_identity(tmp_path):
    import dataclasses

    from keras_astroattn.edge import Calibration, open_model
    from keras_astroattn.survey.settings import SurveySettings
    from keras_astroattn.survey.tiles import MapOptions

    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("ra,dec\n")
    settings = SurveySettings(catalogue, ("tiles",), tmp_path / "output", "agcnn_mirabest")
    model = open_model("agcnn_mirabest")
    first = session.identity_of(settings, model)
    assert session.identity_of(settings, model) == first
    changes = {
        "images": ("others",),
        "survey": "first",
        "columns": {"ra": "RA"},
        "rows": "source",
        "linking_length": 3.0,
        "mask_neighbours": True,
        "tta": 2,
        "chunk_size": 7,
        "calibration": Calibration("m", 2.0, 0.5),
        "options": MapOptions(stokes="V"),
    }
    same = {"catalogue", "model", "output", "workers", "scheduler", "resume"}
    assert set(changes) == {one.name for one in dataclasses.fields(settings)} - same
    for name, value in changes.items():
        changed = session.identity_of(dataclasses.replace(settings, **{name: value}), model)
        with pytest.raises(InputError, match="had another"):
            session.require_same(first, changed)
    catalogue.write_text("ra,dec\n1,1\n")
    with pytest.raises(InputError, match="had another catalogue"):
        session.require_same(first, session.identity_of(settings, model))


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{}", '{"model": 3, "identity": {}}',
        '{"version": "0", "model": {"name": "a", "sha256": "b"}, "identity": {"map options": {}}, '
        '"catalogue": {"columns": []}}',
    ],
)  # fmt: skip
def test_a_summary_without_its_values_is_one_line(tmp_path, text):
    with pytest.raises(InputError, match="holds no complete survey"):
        session.read_summary(tmp_path)
    with pytest.raises(InputError, match=r"nowhere is not a folder: name the --output of"):
        session.read_summary(tmp_path / "nowhere")
    (tmp_path / session.SUMMARY).write_text(text)
    with pytest.raises(InputError, match=r"_summary\.json is damaged: score the survey into"):
        session.read_summary(tmp_path)
