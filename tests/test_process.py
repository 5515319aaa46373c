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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_process_with_one_line(number):
    script = f"""
import os, signal
from keras_astroattn.process import ended_by_signals
before = signal.getsignal({number:d})
with ended_by_signals("interrupted: go on"):
    pass
assert signal.getsignal({number:d}) is before
with ended_by_signals("interrupted: go on"):
    try:
        os.kill(os.getpid(), {number:d})
        print("never reached")
    finally:
        print("nor this")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "interrupted: go on\n")
    assert done.returncode == 128 + number


def test_a_process_that_starts_while_a_signal_ends_its_parent_says_nothing():
    script = """
import os, signal, subprocess, sys
from keras_astroattn import process

late = "import sys, time; time.sleep(0.3); print('Traceback', file=sys.stderr)"

def start_another():
    # As a thread does that starts workers while the handler runs in the main thread.
    kill()
    subprocess.Popen([sys.executable, "-c", late])

kill = process._kill_children
process._kill_children = start_another
with process.ended_by_signals("interrupted: go on"):
    subprocess.Popen([sys.executable, "-c", late])
    os.kill(os.getpid(), signal.SIGTERM)
"""
    # The end of the standard error comes when every process that holds it has ended.
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "interrupted: go on\n"


def test_processes_of_a_shielded_thread_do_not_see_ctrl_c():
    script = """
import multiprocessing, os, signal, subprocess, sys, threading
from keras_astroattn.process import shield_workers

def work():
    shield_workers()
    multiprocessing.get_context("spawn").Lock()  # would start the tracker, which unblocks
    child = "import signal; print(signal.SIGINT in signal.pthread_sigmask(0, []))"
    print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)

thread = threading.Thread(target=work)
thread.start()
thread.join()
print(signal.SIGINT in signal.pthread_sigmask(0, []))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr
