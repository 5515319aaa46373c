import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from support.fake_archive import LABELS, NAMES

import keras_astroattn.datasets
from keras_astroattn.datasets.archives import Archive
from keras_astroattn.datasets.builders import ArchiveConfig
from keras_astroattn.datasets.mirabest import MiraBest
from keras_astroattn.errors import InputError

MakeArchive = Callable[..., tuple[Path, Archive]]


def builder_of(archive: Archive, cache: Path) -> MiraBest:
    return MiraBest(config=ArchiveConfig(name="tiny", archive=archive), data_dir=cache)


def prepared(builder: MiraBest, folder: Path | None) -> MiraBest:
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder and str(folder))
    )
    return builder


def examples(builder: MiraBest, split: str) -> list[dict]:
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("mirabest", "full"),
        ("mirabest/F", "F"),
        ("frdeep", "first"),
        ("frdeep/nvss", "nvss"),
        ("frdeep/first_clean", "first_clean"),
        ("frdeep/nvss_clean", "nvss_clean"),
        ("first_galaxies", "published"),
        ("simulated", "standard"),
    ],
)
def test_tfds_knows_the_builders_and_prepares_in_the_cache(
    cache: Path, name: str, config: str
) -> None:
    builder = tfds.builder(name)
    assert builder.builder_config.name == config
    assert builder.data_path.is_relative_to(cache)
    assert builder.info.disable_shuffling


def test_all_sets_have_the_same_features() -> None:
    specifications = [tfds.builder(name).info.features for name in ("mirabest", "frdeep")]
    simulated = tfds.builder("simulated").info.features
    expected = (
        "image label class_index confident morphology name ra dec redshift angular_size batch index"
    )
    assert set(simulated) == set(expected.split())
    assert all(repr(features) == repr(simulated) for features in specifications)


@pytest.mark.parametrize(
    "imports",
    [
        "keras_astroattn.datasets, tensorflow_datasets",
        "tensorflow_datasets, keras_astroattn.datasets",
    ],
)
def test_builders_are_registered_in_both_import_orders(imports: str) -> None:
    code = (
        f"import {imports}; import sys; import tensorflow_datasets as tfds; "
        "tfds.builder_cls('mirabest'); tfds.builder_cls('frdeep'); tfds.builder_cls('simulated'); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_import_alone_is_light() -> None:
    code = (
        "import keras_astroattn.datasets as d, sys; d.LABEL_NAMES; d.load_sources; "
        "assert not {'tensorflow', 'tensorflow_datasets', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_examples_keep_the_files_order_and_say_what_names_hold(
    make_archive: MakeArchive, cache: Path
) -> None:
    path, archive = make_archive()
    builder = prepared(builder_of(archive, cache), path.parents[1])
    train = examples(builder, "train")
    assert [(e["batch"].decode(), e["index"]) for e in train] == [
        ("data_batch_1", 0),
        ("data_batch_1", 1),
        ("data_batch_2", 0),
    ]
    first, hybrid, _ = train
    assert first["image"].shape == (150, 150, 1)
    assert first["image"].dtype == np.uint8
    assert first["image"][1, 0, 0] == 162  # pixel 150 of a batch with a name of 12 letters
    assert first["name"].decode() == "100_001.500-002.250_0.1000_0010.00"
    assert (first["ra"], first["dec"]) == (1.5, -2.25)
    assert (first["redshift"], first["angular_size"]) == (0.1, 10.0)  # exactly: no float32
    assert (first["label"], first["class_index"], first["confident"]) == (0, 0, True)
    assert (hybrid["label"], hybrid["class_index"]) == (2, 8)
    (test,) = examples(builder, "test")
    assert (test["label"], test["morphology"].decode()) == (1, "double-double")


def test_the_environment_names_the_tarballs_folder(
    make_archive: MakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = make_archive()
    monkeypatch.setenv("KERAS_ASTROATTN_DATA", str(path.parents[1]))
    builder = builder_of(archive, cache)
    builder.download_and_prepare()
    assert builder.info.splits["train"].num_examples == 3


def test_a_tarball_of_another_checksum_is_not_prepared(
    make_archive: MakeArchive, cache: Path
) -> None:
    path, archive = make_archive()
    builder = builder_of(dataclasses.replace(archive, md5="0" * 32), cache)
    with pytest.raises(InputError, match=f"^{path} has MD5 "):
        prepared(builder, path.parents[1])
    assert not builder.data_path.exists()


def test_an_interrupted_preparation_is_redone(
    make_archive: MakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = make_archive()
    builder = builder_of(archive, cache)
    # What SIGKILL leaves: a half-written folder under TFDS's temporary name.
    leftover = builder.data_path.parent / "incomplete.ABC123_1.0.0"
    leftover.mkdir(parents=True)
    (leftover / "mirabest-train.tfrecord").write_bytes(b"half")

    def interrupted(*_arguments: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MiraBest, "keeps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepared(builder, path.parents[1])
    assert not builder.data_path.exists()
    again = prepared(builder_of(archive, cache), path.parents[1])
    assert len(examples(again, "train")) == 3
    assert [entry.name for entry in again.data_path.parent.iterdir()] == ["1.0.0"]


def test_two_that_prepare_at_once_do_it_once(
    make_archive: MakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = make_archive()
    builders = [builder_of(archive, cache) for _ in range(3)]
    rows: list[int] = []
    errors: list[BaseException] = []

    def counted(_builder: object, _batch: object, row: int) -> bool:
        rows.append(row)
        return True

    def prepare(builder: MiraBest) -> None:
        try:
            prepared(builder, path.parents[1])
        except BaseException as error:
            errors.append(error)

    monkeypatch.setattr(MiraBest, "keeps", counted)
    threads = [threading.Thread(target=prepare, args=(builder,)) for builder in builders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(rows) == sum(map(len, NAMES.values())) == sum(map(len, LABELS.values()))
    for builder in builders:
        assert len(examples(builder, "train")) == 3


def test_a_cache_that_is_a_file_is_reported(make_archive: MakeArchive, tmp_path: Path) -> None:
    path, archive = make_archive()
    (tmp_path / "file").touch()
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"cannot write .* set KERAS_ASTROATTN_CACHE to a"):
            prepared(builder_of(archive, cache), path.parents[1])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_reported(make_archive: MakeArchive, tmp_path: Path) -> None:
    path, archive = make_archive()
    (tmp_path / "sealed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="Permission denied"):
        prepared(builder_of(archive, tmp_path / "sealed"), path.parents[1])


def test_a_prepared_set_is_read_from_a_cache_that_nothing_can_be_written_to(
    make_archive: MakeArchive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = make_archive()
    prepared(builder_of(archive, cache), path.parents[1])

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError

    monkeypatch.setattr(keras_astroattn.datasets.builders, "writing", refuse)
    again = prepared(builder_of(archive, cache), path.parents[1])
    assert len(examples(again, "test")) == 1


def test_without_data_and_network_the_address_is_reported(
    make_archive: MakeArchive, cache: Path
) -> None:
    _, archive = make_archive()
    with pytest.raises(InputError, match=r"^cannot fetch Tiny \(.*refused\): put http://127") as e:
        prepared(builder_of(archive, cache), None)
    assert "\n" not in str(e.value)


@pytest.fixture
def server(make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch):
    """A web server on this machine that publishes the fake tarball, and its Archive."""
    import functools
    import http.server

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    path, archive = make_archive()
    handler = functools.partial(Quiet, directory=str(path.parents[1]))
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        port = running.server_address[1]
        yield path, dataclasses.replace(archive, url=f"http://127.0.0.1:{port}/tiny/tiny.tar.gz")
        running.shutdown()
        thread.join()


def test_a_downloaded_tarball_is_kept_for_other_configurations(server, cache: Path) -> None:
    path, archive = server
    prepared(builder_of(archive, cache), None)
    path.unlink()  # gone upstream
    other = MiraBest(config=ArchiveConfig(name="other", archive=archive), data_dir=cache)
    assert len(examples(prepared(other, None), "train")) == 3


def test_a_page_in_the_tarballs_place_is_reported(server, cache: Path) -> None:
    path, archive = server
    content = path.read_bytes()
    path.write_bytes(b"<html>Sorry</html>")
    with pytest.raises(InputError, match="has MD5"):
        prepared(builder_of(archive, cache), None)
    path.write_bytes(content)
    assert len(examples(prepared(builder_of(archive, cache), None), "train")) == 3


def test_a_tarball_that_is_gone_upstream_is_reported(server, cache: Path) -> None:
    path, archive = server
    path.unlink()
    with pytest.raises(InputError, match=r"cannot fetch Tiny \(File not found\): put http"):
        prepared(builder_of(archive, cache), None)


def test_a_download_must_have_the_registered_checksum(
    server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, archive = server
    registered = tfds.core.download.checksums.UrlInfo(
        size=1, checksum="0" * 64, filename="tiny.tar.gz"
    )
    monkeypatch.setattr(MiraBest, "url_infos", {archive.url: registered})
    with pytest.raises(InputError, match=r"cannot fetch Tiny \(Artifact .* wrong checksum\)"):
        prepared(builder_of(archive, cache), None)
