"""Small tarballs of batches, made on the spot, and a cache of the tests' own."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.fake_archive import FAKE, fake_batches

from keras_astroattn.datasets.archives import Archive


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[..., tuple[Path, Archive]]:
    """Write a tarball of batches (dicts, or bytes as they are); give it and its Archive."""

    def make(
        batches: dict[str, object] | None = None,
        *,
        folder: Path | None = None,
        members: tuple[tarfile.TarInfo, ...] = (),
    ) -> tuple[Path, Archive]:
        path = (folder or tmp_path / "data") / "tiny" / "tiny.tar.gz"
        path.parent.mkdir(parents=True)
        with tarfile.open(path, "w:gz") as tarball:
            for member in members:
                tarball.addfile(member)
            # Upstream's tarballs do not hold the batches in their order either.
            for name, content in reversed((batches or fake_batches()).items()):
                if not isinstance(content, bytes):
                    content = pickle.dumps(content, protocol=3)
                member = tarfile.TarInfo(f"batches/{name}")
                member.size = len(content)
                tarball.addfile(member, io.BytesIO(content))
        return path, replace(FAKE, md5=hashlib.md5(path.read_bytes()).hexdigest())

    return make


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no data folder named by the environment."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(folder))
    monkeypatch.delenv("KERAS_ASTROATTN_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which each real data set is prepared once for all tests of a process."""
    return tmp_path_factory.mktemp("prepared")
