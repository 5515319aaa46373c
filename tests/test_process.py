"""Worker processes end with their parent."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

PARENT = """
import multiprocessing, time
from keras_astroattn.process import follow_parent

def work(connection):
    follow_parent()
    connection.send("ready")
    time.sleep(600)

if __name__ == "__main__":
    near, far = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=work, args=(far,)).start()
    near.recv()
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_worker_ends_when_its_parent_is_killed(tmp_path, number):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(number)
        # The worker holds the standard output: it comes to its end when the worker has ended.
        assert parent.communicate(timeout=10)[0] == ""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
