import select
import subprocess
import sys
from pathlib import Path

import pytest

from keras_astroattn.datasets.cache import cache_folder, writing


def test_the_cache_folder_is_named_else_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_ASTROATTN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / "home" / ".cache" / "keras_astroattn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "keras_astroattn"
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"


def test_another_process_waits_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; "
        "from keras_astroattn.datasets.cache import writing\n"
        "print('ready', flush=True)\n"
        "with writing(Path(sys.argv[1]), 'set'): print('held', flush=True); time.sleep(60)"
    )

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)

    with start() as first:
        assert [first.stdout.readline(), first.stdout.readline()] == [b"ready\n", b"held\n"]
        with start() as second:
            assert second.stdout.readline() == b"ready\n"
            assert select.select([second.stdout], [], [], 1.0)[0] == []  # it waits
            with writing(tmp_path, "another set"):
                pass  # locks are a set's own
            first.kill()
            assert second.stdout.readline() == b"held\n"
            second.kill()
