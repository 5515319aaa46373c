"""Files are complete or absent."""

import pwd
import select
import subprocess
import sys
from pathlib import Path

import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.files import (
    atomic_path,
    cache_folder,
    expand_user,
    held,
    partial_files,
    write_text,
    writing,
)


def test_a_file_appears_complete(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "naïve ★\n")
    assert (tmp_path / "a.txt").read_bytes() == "naïve ★\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_until_it_is_complete_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path: Path, error: type) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    half_written = atomic_path(path)
    half_written.__enter__().write_text("half")
    raised = error()
    assert not half_written.__exit__(error, raised, None)
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_of_the_system_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.json"
    with pytest.raises(FileNotFoundError) as caught:
        write_text(path, "text")
    assert caught.value.filename == str(path)


def test_what_a_kill_leaves_is_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    code = (
        "import os, signal; from keras_astroattn.files import atomic_path\n"
        f"with atomic_path({str(tmp_path / 'below' / 'a.txt')!r}) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], timeout=60)
    for name in ("a.partial.txt", ".hidden", "below/b.txt"):
        (tmp_path / name).touch()
    (found,) = partial_files(tmp_path)
    assert found.read_text() == "half"
    assert found.parent == tmp_path / "below"


@pytest.mark.parametrize("name", ["", "missing/a.txt"])
def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(OSError) as raised:
        write_text(path, "text")
    assert str(raised.value).endswith(f": {str(path)!r}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with held(tmp_path):
        with pytest.raises(BlockingIOError), held(tmp_path):
            pass
        assert list(tmp_path.iterdir()) == []
    with held(tmp_path):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal; from keras_astroattn.files import held\n"
        f"with held({str(tmp_path)!r}): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], timeout=60)
    with held(tmp_path):
        pass


def test_without_a_home_folder_the_cache_is_asked_for(monkeypatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "KERAS_ASTROATTN_CACHE"):
        monkeypatch.delenv(name, raising=False)

    def no_entry(user: int):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    with pytest.raises(InputError, match=r"set HOME, or name a folder .* KERAS_ASTROATTN_CACHE"):
        cache_folder()
    with pytest.raises(InputError, match="home folder of ~ is not known"):
        expand_user("~/data")


def test_a_home_folder_stands_for_its_sign(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/there")
    assert expand_user("~/data") == Path("/there/data")
    assert expand_user("data") == Path("data")
    with pytest.raises(InputError, match="~no-such-user/data: the home folder of ~no-such-user"):
        expand_user("~no-such-user/data")


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
        "from keras_astroattn.files import writing\n"
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
