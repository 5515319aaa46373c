"""`astroattn serve` as a process."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-c", "from keras_astroattn.cli import main; main()", "serve"]
_ADDRESS = re.compile(r"open (http://127\.0\.0\.1:\d+/\?token=\S+)")


@contextmanager
def served(*arguments: object) -> Iterator[tuple[subprocess.Popen, str]]:
    """The running command, and the address that it prints; the block ends it by SIGKILL."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            found = None
            while found is None:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                found = _ADDRESS.match(line)
            yield process, found[1]
        finally:
            process.kill()
