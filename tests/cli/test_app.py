"""How every command ends."""

import os
import subprocess
import sys

import cyclopts
import pytest

from keras_astroattn import __version__
from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.samples import sample_paths


def command(ending: object) -> cyclopts.App:
    made = cyclopts.App(name="command", version_flags=[])

    @made.default
    def run(*, count: int = 0) -> object:
        if isinstance(ending, BaseException):
            raise ending
        return ending

    return made


@pytest.mark.parametrize(("ending", "status"), [(0, 0), (3, 3), (None, 0), ("text", 0)])
def test_the_status_is_what_the_command_returns(ending, status: int, capsys) -> None:
    assert run_app(command(ending), []) == status
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "message",
    ["the file x is empty: name another", "two\nlines", "[bold]x[/y]: no markup", "long " * 60],
)
def test_what_a_user_can_mend_is_one_line(message: str, capsys) -> None:
    assert run_app(command(InputError(message)), []) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: " + " ".join(message.split()) + "\n"


@pytest.mark.parametrize("arguments", [["--count", "many"], ["--cuont", "3"], ["extra"]])
def test_wrong_options_are_one_line(arguments: list[str], capsys) -> None:
    assert run_app(command(0), arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert arguments[-1] in err or arguments[0] in err


def test_a_file_that_the_system_refuses_is_one_line(capsys) -> None:
    refused = PermissionError(13, "Permission denied", "/data/run/calibration.json")
    assert run_app(command(refused), []) == 2
    assert capsys.readouterr().err == "error: /data/run/calibration.json: Permission denied\n"
    with pytest.raises(FileNotFoundError):
        run_app(command(FileNotFoundError(2, "No such file", "constants.tsv")), [])


def test_an_interrupt_has_the_shells_status(capsys) -> None:
    assert run_app(command(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_defect_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_app(command(ZeroDivisionError()), [])


def test_the_version(capsys) -> None:
    assert run_app(app, ["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


HEAVY = {"keras", "tensorflow", "matplotlib", "scipy", "astropy", "pandas", "pyarrow", "dask"}
SAMPLE = str(sample_paths()[0])


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], HEAVY | {"numpy", "asyncio"}),
        (["survey", "--help"], HEAVY | {"ai_edge_litert", "asyncio"}),
        (["info"], HEAVY | {"PIL", "asyncio"}),
        (["classify", SAMPLE], HEAVY | {"PIL", "asyncio"}),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else "",
)
def test_a_command_loads_only_the_packages_that_it_needs(arguments, absent) -> None:
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}; from keras_astroattn.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout
    assert "keras_astroattn.cli.app" in done.stderr.split()
    assert not absent & set(done.stderr.split())


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="it lists the threads")
def test_the_command_starts_no_threads_of_blas() -> None:
    code = (
        "import contextlib, os, sys; from keras_astroattn.cli import main\n"
        "sys.argv = ['astroattn', '--version']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "import numpy\n"
        "assert len(os.listdir('/proc/self/task')) == 1, os.listdir('/proc/self/task')\n"
    )
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=free)


@pytest.mark.parametrize(
    "command",
    ["classify", "survey", "check", "survey-summary", "report", "recalibrate", "info", "benchmark"],
)
def test_every_command_and_option_says_what_it_is_for(command):
    assert app[command].help.strip()
    arguments = app[command].assemble_argument_collection(parse_docstring=True)
    assert len(arguments) > 1
    undescribed = [a.name for a in arguments if a.show and not a.parameter.help]
    assert undescribed == []


@pytest.mark.parametrize("command", ["classify", "survey", "check"])
def test_the_former_flag_of_tta_is_hidden(command, capsys):
    assert run_app(app, [command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--tta" in shown
    assert "--turns" not in shown


def test_completions_are_installed_for_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert run_app(app, ["--install-completion", "--shell", "bash"]) == 0
    assert "installed to" in capsys.readouterr().out
    (script,) = (path for path in tmp_path.rglob("astroattn") if path.is_file())
    text = script.read_text()
    assert "--positions" in text
    assert "survey-summary" in text


@pytest.mark.parametrize("command", ["info", "benchmark"])
def test_the_model_is_named_with_and_without_its_option(command, model_path, capsys):
    options = ["--repeats", "3", "--threads", "1"] if command == "benchmark" else []
    for model in (["--model", str(model_path)], [str(model_path)]):
        assert run_app(app, [command, *model, *options]) == 0
        assert "tiny" in capsys.readouterr().out
