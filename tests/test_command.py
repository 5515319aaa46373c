"""What a command does with streams that are closed, full, or of another encoding, and signals.

And which options its help lists.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from keras_astroattn.command import new_app, run_app

COMMANDS = {
    "astroattn": "-m keras_astroattn.cli info --json",
    "export": "-m export.checksum --help",
}
TABLE = (
    "import cyclopts\n"
    "from keras_astroattn.command import run_app\n"
    "app = cyclopts.App(name='x', version_flags=[])\n"
    "@app.default\n"
    "def run():\n"
    "    for number in range(20000): print(number, '\\N{GREEK SMALL LETTER SIGMA}')\n"
    "raise SystemExit(run_app(app, []))"
)


def shell(line: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", line.replace("PYTHON", sys.executable)],
        capture_output=True, timeout=60, env=os.environ | variables,
    )  # fmt: skip


def test_the_help_lists_no_option_that_the_command_did_not_name(capsys):
    app = new_app("lists")

    @app.command
    def one(*, threads: tuple[int, ...] = (1,), names: list[str] | None = None) -> None:
        """Use lists."""

    assert run_app(app, ["one", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--threads" in text
    assert "--empty" not in text
    assert run_app(app, ["--version"]) == 2
    assert run_app(app, ["one", "--empty-names"]) == 2


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "table.py"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_the_standard_output(command):
    ended = shell(f"PYTHON {COMMANDS[command]} > /dev/full")
    assert ended.stderr.decode() == (
        "error: the output cannot be written: No space left on device\n"
    )
    assert ended.returncode == 2


def test_a_closed_standard_output():
    ended = shell(f"PYTHON {COMMANDS['astroattn']} >&-")
    assert ended.stderr.decode() == ("error: the output cannot be written: Bad file descriptor\n")
    assert ended.returncode == 2


def test_closed_streams_do_not_matter_to_a_command_that_writes_a_file(model_path, tmp_path):
    output = tmp_path / "r.csv"
    image = tmp_path / "image.npy"
    import numpy as np
    from support.tiny_model_file import radio_galaxy

    np.save(image, radio_galaxy())
    command = f"classify {image} --model {model_path} --output {output}"
    ended = shell(f"PYTHON -m keras_astroattn.cli {command} <&- >&- 2>&-")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert "FRI" in output.read_text()


def test_a_reader_that_leaves_is_no_error(script):
    ended = shell(f"PYTHON {script} | head -1; exit ${{PIPESTATUS[0]}}")
    assert ended.stdout.decode() == "0 \N{GREEK SMALL LETTER SIGMA}\n"
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_full_disk_in_the_middle(script):
    ended = shell(f"PYTHON {script} > /dev/full")
    assert ended.stderr.decode() == (
        "error: the output cannot be written: No space left on device\n"
    )
    assert ended.returncode == 2


def test_characters_that_the_encoding_lacks_are_escaped(script):
    ended = shell(f"PYTHON {script}", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert ended.stdout.startswith(b"0 \\u03c3\n1 \\u03c3\n")
    assert (ended.returncode, ended.stderr) == (0, b"")


WAITING = (
    "import cyclopts, sys, time\n"
    "from keras_astroattn.command import run_app\n"
    "app = cyclopts.App(name='x', version_flags=[])\n"
    "@app.default\n"
    "def run():\n"
    "    try:\n"
    "        print('ready', flush=True)\n"
    "        time.sleep(60)\n"
    "    finally:\n"
    "        print('cleaned up', flush=True)\n"
    "raise SystemExit(run_app(app, []))"
)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "interrupted\n"),
        (signal.SIGTERM, "interrupted by SIGTERM\n"),
        (signal.SIGHUP, "interrupted by SIGHUP\n"),
    ],
)
def test_a_signal_ends_a_command_in_one_line_after_it_cleaned_up(number, line):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = subprocess.Popen([sys.executable, "-c", WAITING], **pipes)
    assert command.stdout.readline() == "ready\n"
    command.send_signal(number)
    out, err = command.communicate(timeout=20)
    assert (out, err, command.returncode) == ("cleaned up\n", line, 128 + number)


def test_nohup_is_respected():
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = subprocess.Popen(["nohup", sys.executable, "-c", WAITING], **pipes)
    try:
        assert command.stdout.readline() == "ready\n"
        command.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert command.poll() is None
    finally:
        command.kill()
        command.communicate()
