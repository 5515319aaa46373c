import gzip
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.fake_archive import FAKE, fake_batch, fake_batches

from keras_astroattn.datasets import archives
from keras_astroattn.datasets.archives import (
    LARGEST_BATCH,
    Archive,
    data_folder,
    find_archive,
    read_batches,
    require_archive,
)
from keras_astroattn.errors import InputError

MakeArchive = Callable[..., tuple[Path, Archive]]


def refused(path: Path, archive: Archive, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_batches(path, archive)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_batches_come_by_number_and_the_test_batch_last(make_archive: MakeArchive) -> None:
    batches = read_batches(*make_archive())
    assert [batch.name for batch in batches] == ["data_batch_1", "data_batch_2", "test_batch"]
    assert [batch.split for batch in batches] == ["train", "train", "test"]
    assert batches[0].names == ("100_001.500-002.250_0.1000_0010.00", "300_2.0+3.0_0.2_5")
    np.testing.assert_array_equal(batches[0].labels, [0, 8])


@pytest.mark.parametrize("arrange", ["square", "flat", "table"])
def test_pixels_are_row_major_however_the_file_arranges_them(
    make_archive: MakeArchive, arrange: str
) -> None:
    batches = fake_batches()
    rows = [np.ravel(image) for image in batches["data_batch_1"]["data"]]
    batches["data_batch_1"]["data"] = {
        "square": [np.asfortranarray(row.reshape(150, 150)) for row in rows],
        "flat": rows,
        "table": np.stack(rows),
    }[arrange]
    images = read_batches(*make_archive(batches))[0].images
    assert images.shape == (2, 150, 150)
    assert images.dtype == np.uint8
    # fake_batch: pixel p of row r of a batch with a name of 12 letters is (p + 7 r + 12) % 251.
    assert images[0, 0, 0] == 12
    assert images[0, 0, 149] == 161
    assert images[0, 1, 0] == 162
    assert images[1, 149, 149] == (22499 + 7 + 12) % 251


def test_a_tarball_lies_in_its_subfolder_or_in_the_data_folder(make_archive: MakeArchive) -> None:
    path, archive = make_archive()
    folder = path.parents[1]
    assert find_archive(archive, folder) == path
    assert find_archive(archive, path.parent) == path
    assert find_archive(archive, folder.parent) is None


def test_a_missing_tarball_is_reported_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"no Tiny in {tmp_path}: put http://127\.0\.0\.1:9/"):
        require_archive(FAKE, tmp_path)


def test_the_data_folder_is_the_argument_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named").mkdir()
    monkeypatch.delenv("KERAS_ASTROATTN_DATA", raising=False)
    assert data_folder() is None
    monkeypatch.setenv("KERAS_ASTROATTN_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder(tmp_path / "named") == tmp_path / "named"


def test_a_missing_data_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="nowhere, does not exist"):
        data_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERAS_ASTROATTN_DATA", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"KERAS_ASTROATTN_DATA, .*file, is not a folder"):
        data_folder()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_tarball_is_distinguished(make_archive: MakeArchive, share: float) -> None:
    path, archive = make_archive()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, archive, r"is truncated \(\d+ bytes\); fetch it again from http")


def test_another_file_is_reported_by_its_checksum(make_archive: MakeArchive) -> None:
    path, archive = make_archive()
    path.write_bytes(gzip.compress(b"something else"))
    refused(path, archive, f"has MD5 [0-9a-f]{{32}} where {archive.md5} is expected")
    path.write_bytes(b"<html>moved</html>")
    refused(path, archive, f"has MD5 [0-9a-f]{{32}} where {archive.md5} is expected")


def test_a_changed_byte_is_noticed(make_archive: MakeArchive) -> None:
    path, archive = make_archive()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(path, archive, "has MD5|is truncated")


def _member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "member",
    [
        _member("../outside"),
        _member("/tmp/outside"),
        _member("batches/../../outside"),
        _member("batches/data_batch_1", tarfile.SYMTYPE),
        _member("batches/link", tarfile.LNKTYPE),
        _member("batches/device", tarfile.CHRTYPE),
    ],
    ids=lambda member: f"{member.name}-{member.type.decode()}",
)
def test_a_tarball_that_points_outside_is_refused(
    make_archive: MakeArchive, member: tarfile.TarInfo
) -> None:
    refused(*make_archive(members=(member,)), "is not safe to read: it holds")


def test_a_batch_that_would_fill_the_memory_is_refused(make_archive: MakeArchive) -> None:
    path, archive = make_archive({"data_batch_1": bytes(LARGEST_BATCH + 1)})
    refused(path, archive, "too many")


def test_a_missing_batch_is_named(make_archive: MakeArchive) -> None:
    batches = fake_batches()
    del batches["data_batch_2"]
    refused(*make_archive(batches), "holds no batches/data_batch_2")


def test_a_malicious_batch_is_named(make_archive: MakeArchive) -> None:
    evil = b"cos\nsystem\n(S'true'\ntR."
    refused(*make_archive(fake_batches() | {"data_batch_2": evil}), r"data_batch_2 .*os\.system")


def _spoilt(**columns: object) -> dict[str, object]:
    return fake_batches() | {"data_batch_1": fake_batch("data_batch_1") | columns}


PIXELS = np.zeros((150, 150), np.uint8)


@pytest.mark.parametrize(
    ("batches", "match"),
    [
        (_spoilt(data=[PIXELS, PIXELS[:149]]), r"row 1 of data_batch_1 .*\(149, 150\), not 150 x"),
        (_spoilt(data=[PIXELS, np.zeros(22499, np.uint8)]), r"has shape \(22499,\)"),
        (_spoilt(data=[PIXELS[..., None], PIXELS]), r"row 0 .*has shape \(150, 150, 1\)"),
        (_spoilt(data=[PIXELS, PIXELS.astype("f4")]), "row 1 .*holds float32, not uint8"),
        (_spoilt(data=[np.full((150, 150), np.nan), PIXELS]), "holds float64 with NaN, not uint8"),
        (_spoilt(data=[PIXELS, [0] * 22500]), "row 1 .*holds list, not an image"),
        (_spoilt(data=[PIXELS]), "columns of different or no length"),
        (_spoilt(data=[], labels=[], filenames=[]), "columns of different or no length"),
        (_spoilt(labels=None), "columns of different or no length"),
        (_spoilt(labels=[0, 10]), "row 1 .*has the label 10, not 0 to 9"),
        (_spoilt(labels=[0, -1]), "row 1 .*has the label -1, not 0 to 9"),
        (_spoilt(labels=["0", "1"]), "row 0 .*has the label '0', not 0 to 9"),
        (fake_batches() | {"data_batch_1": [1, 2]}, "data_batch_1 .*is not a batch"),
        (fake_batches() | {"data_batch_1": {"data": []}}, "data_batch_1 .*is not a batch"),
    ],
)
def test_a_spoilt_batch_is_reported(
    make_archive: MakeArchive, batches: dict[str, object], match: str
) -> None:
    refused(*make_archive(batches), match)


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    refused(tmp_path, replace(FAKE, md5="0"), "cannot read .*: Is a directory")


def test_another_tarball_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(bytes(8 * 2**20)))  # a thousandth of its size
    monkeypatch.setattr(archives, "LARGEST_UNPACKED", 2**20)
    unpacked = []
    decompress = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile,
        "read",
        lambda stream, size=-1: unpacked.append(size) or decompress(stream, size),
    )
    refused(path, FAKE, "has MD5")
    assert unpacked == [2**20, 2**20]
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE", 1000)
    refused(path, FAKE, "bytes: it is not http")
