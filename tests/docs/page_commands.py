"""The commands and Python examples of a Markdown page, run in the order of the page.

A fenced block `sh` is run by bash, a block `python` by the page's one Python process; both in
the page's folder, which `tests/docs/test_pages.py` fills with the files that a reader has. An
HTML comment on the line before a block says what a test cannot do as it stands:

    <!-- test: skip, REASON -->           the block is not run
    <!-- test: until TEXT -->            the block is ended by Ctrl-C when it has printed TEXT
    <!-- test: append OPTIONS -->         OPTIONS are appended to the block's last command, in
                                          place of its own options of the same names
    <!-- test: output -->                 a `text` block: what the block before it printed
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^(?:<!-- test: (?P<how>[^\n]*?) -->\n+)?```(?P<language>sh|python|text)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One block of a page.

    Attributes:
        language: "sh", "python" or "text".
        code: what stands between the fences.
        how: what the comment before it says; "" without one.
        line: where it begins in the page, from 1.
    """

    language: str
    code: str
    how: str
    line: int


def blocks(page: str) -> list[Block]:
    """The blocks of a page that a test has to do with."""
    return [
        Block(
            match["language"],
            match["code"],
            match["how"] or "",
            page.count("\n", 0, match.start("code")),
        )
        for match in _BLOCK.finditer(page)
    ]


def is_runnable(block: Block) -> bool:
    """Whether a test runs the block."""
    return block.language in ("sh", "python") and not block.how.startswith("skip,")


def with_options(code: str, options: str) -> str:
    """Append options to a command, in place of its own options of the same names."""
    for name in re.findall(r"--[a-z][\w-]*", options):
        code = re.sub(rf"{name} [^\s-]\S*", "", code)
    return f"{code.rstrip()} {options}\n"


def run_page(path: Path, folder: Path, environment: dict[str, str]) -> None:
    """Run a page's blocks in `folder`.

    Raises:
        AssertionError: a block fails, or prints something else than the page says.
    """
    printed, python = "", []
    for block in blocks(path.read_text(encoding="utf-8")):
        where = f"{path.name}:{block.line}"
        if block.how == "output":
            assert_same_text(printed, block.code, where)
        if not is_runnable(block):
            continue
        if block.language == "python":
            # One process a block, which runs the earlier blocks first: examples build on them.
            python.append(block.code)
            command = [sys.executable, "-c", "\n".join(python)]
        else:
            code = block.code
            if block.how.startswith("append "):
                code = with_options(code, block.how.removeprefix("append "))
            command = ["bash", "-e", "-u", "-o", "pipefail", "-c", code]
        if block.how.startswith("until "):
            interrupt(command, block.how.removeprefix("until "), folder, environment, where)
            continue
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        printed = done.stdout


def interrupt(
    command: list[str], text: str, folder: Path, environment: dict[str, str], where: str
) -> None:
    """Run a command until it has printed a text, and end it by Ctrl-C.

    Raises:
        AssertionError: it ends before, or with an error.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        printed = []
        while not any(text in line for line in printed):
            line = process.stdout.readline()
            assert line, f"{where} ended:\n{''.join(printed)}"
            printed.append(line)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0, f"{where} ended with {process.returncode}:\n{rest}"


def assert_same_text(printed: str, shown: str, where: str) -> None:
    """Compare what was printed with what a page shows; numbers may differ by 2 %."""
    words = [re.sub(r"\s+", " ", _NUMBER.sub("#", text)).strip() for text in (printed, shown)]
    assert words[0] == words[1], f"{where} prints\n{printed}"
    for found, expected in zip(_NUMBER.findall(printed), _NUMBER.findall(shown), strict=True):
        difference = abs(float(found) - float(expected))
        assert difference <= 0.02 * abs(float(expected)) + 0.02, f"{where}: {found}, not {expected}"
