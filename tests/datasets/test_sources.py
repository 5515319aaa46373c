import gzip
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.fake_archive import FAKE, fake_batches

from keras_astroattn.datasets import DATA_NAMES, Sources, how_to_get, is_at_hand, load_sources
from keras_astroattn.datasets.archives import Archive
from keras_astroattn.datasets.mirabest import FULL, MiraBest
from keras_astroattn.datasets.simulated import SimulatedConfig
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.errors import InputError

Publish = Callable[..., Path]


@pytest.fixture
def publish(
    make_archive: Callable[..., tuple[Path, Archive]],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Publish:
    """Put a fake tarball in MiraBest's place; give the data folder that holds it."""

    def put(batches: dict[str, object] | None = None) -> Path:
        path, archive = make_archive(batches)
        monkeypatch.setattr(MiraBest.BUILDER_CONFIGS[0], "archive", archive)
        return path.parents[1]

    return put


def test_what_the_names_select(publish: Publish) -> None:
    folder = publish()  # FRI, hybrid; uncertain FRII; test: FRII double-double
    everything = load_sources("mirabest-all", "all", folder)
    assert everything.label.tolist() == [0, 2, 1, 1]
    assert everything.confident.tolist() == [True, True, False, True]
    assert everything.class_index.tolist() == [0, 8, 7, 6]
    assert everything.split.tolist() == ["train", "train", "train", "test"]
    assert everything.index.tolist() == [0, 1, 0, 0]
    assert everything.name[1] == "300_2.0+3.0_0.2_5"
    assert load_sources("mirabest", "all", folder).class_index.tolist() == [0, 7, 6]
    assert load_sources("mirabest-confident", "all", folder).class_index.tolist() == [0, 6]
    assert load_sources("mirabest-hybrid", "all", folder).class_index.tolist() == [8]
    assert load_sources("mirabest-hybrid", "test", folder).image.shape == (0, 150, 150)


def test_columns_have_the_promised_types(publish: Publish) -> None:
    sources = load_sources("mirabest", "train", publish())
    assert len(sources) == 2
    kinds = {name: column.dtype.str for name, column in vars(sources).items() if name != "checksum"}
    texts = {name: kinds.pop(name) for name in ("name", "batch", "morphology", "split")}
    assert all(kind.startswith("<U") for kind in texts.values())
    assert kinds.pop("image") == "|u1"
    assert kinds.pop("confident") == "|b1"
    numbers = ("ra", "dec", "redshift", "angular_size")
    assert {kinds.pop(name) for name in numbers} == {"<f8"}
    assert kinds == {"label": "<i8", "class_index": "<i8", "index": "<i8"}


def test_pixels_are_those_of_the_file(publish: Publish) -> None:
    sources = load_sources("mirabest", "test", publish())
    # fake_batch: pixel p of the batch with a name of 10 letters is (p + 10) % 251.
    np.testing.assert_array_equal(sources.image.ravel(), (np.arange(22500) + 10) % 251)


def test_sources_are_chosen_by_mask_indices_or_slice(publish: Publish) -> None:
    sources = load_sources("mirabest-all", "all", publish())
    assert sources.select(np.array([3, 0])).class_index.tolist() == [6, 0]
    assert sources.select(sources.label == 1).class_index.tolist() == [7, 6]
    chosen = sources.select(slice(1, 3))
    assert isinstance(chosen, Sources)
    assert chosen.class_index.tolist() == [8, 7]
    assert chosen.image.shape == (2, 150, 150)
    assert chosen.checksum == sources.checksum


def test_prepared_data_need_no_tarball_any_more(publish: Publish) -> None:
    folder = publish()
    first = load_sources("mirabest", "all", folder)
    next(folder.rglob("*.tar.gz")).unlink()
    second = load_sources("mirabest", "all")
    np.testing.assert_array_equal(first.image, second.image)
    assert first.checksum == second.checksum == "md5:" + MiraBest.BUILDER_CONFIGS[0].archive.md5


def test_nothing_is_printed(publish: Publish, capfd: pytest.CaptureFixture[str]) -> None:
    folder = publish()
    load_sources("mirabest", "all", folder)  # TensorFlow greets once a process
    capfd.readouterr()
    load_sources("mirabest", "all", folder, cache_dir=folder.parent / "another")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "FeatureConnector" not in captured.err
    assert "url" not in captured.err


@pytest.mark.parametrize("data", DATA_NAMES[:4])
def test_a_missing_data_folder_is_reported(cache: Path, tmp_path: Path, data: str) -> None:
    for function in (load_sources, is_at_hand):
        with pytest.raises(InputError, match="nowhere, does not exist; name one that holds"):
            function(data, data_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("data", [name for name in DATA_NAMES if name != "simulated"])
def test_an_empty_data_folder_is_reported(cache: Path, tmp_path: Path, data: str) -> None:
    for function in (load_sources, is_at_hand):
        with pytest.raises(InputError, match=f"in {tmp_path}: put http://www.jb.man.ac.uk/res"):
            function(data, data_dir=tmp_path)


def test_a_named_folder_is_checked_though_the_data_are_prepared(publish: Publish) -> None:
    folder = publish()
    load_sources("mirabest", "test", folder)
    tarball = next(folder.rglob("*.tar.gz"))
    tarball.write_bytes(tarball.read_bytes()[:-9])
    with pytest.raises(InputError, match="is truncated"):
        load_sources("mirabest", "test", folder)
    tarball.unlink()
    with pytest.raises(InputError, match="no Tiny in"):
        load_sources("mirabest", "test", folder)


def test_a_truncated_and_a_foreign_tarball_are_reported(cache: Path, tmp_path: Path) -> None:
    tarball = tmp_path / FULL.filename
    content = gzip.compress(np.random.default_rng(0).bytes(10_000))
    tarball.write_bytes(content[:5_000])
    with pytest.raises(InputError, match=rf"{tarball} is truncated \(5000 bytes\); fetch it again"):
        load_sources("mirabest", "train", tmp_path)
    tarball.write_bytes(content)
    with pytest.raises(InputError, match=f"where {FULL.md5} is expected; fetch it again from"):
        load_sources("mirabest", "train", tmp_path)


def test_a_malicious_batch_is_reported(publish: Publish, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    evil = f"cos\nmkdir\n(S'{trace}'\ntR.".encode()
    with pytest.raises(InputError, match=r"test_batch of .* asks for the forbidden os\.mkdir"):
        load_sources("mirabest", "train", publish(fake_batches() | {"test_batch": evil}))
    assert not trace.exists()


def test_a_label_that_its_name_denies_is_reported(publish: Publish) -> None:
    batches = fake_batches()
    batches["test_batch"]["labels"] = [5]
    with pytest.raises(InputError, match=r"201_005.*is labelled as class 200"):
        load_sources("mirabest", "train", publish(batches))


def test_a_cache_that_cannot_be_written_to_is_reported(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set KERAS_ASTROATTN_CACHE to a folder") as caught:
        load_sources("mirabest", "train", publish(), cache_dir=tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_damaged_prepared_data_are_reported(publish: Publish, cache: Path) -> None:
    folder = publish()
    load_sources("mirabest", "train", folder)
    record = next(cache.rglob("mirabest-train.tfrecord*"))
    content = bytearray(record.read_bytes())
    content[len(content) // 2] ^= 0xFF
    record.write_bytes(content)
    with pytest.raises(InputError, match=rf"data in {record.parent} are damaged .*delete that"):
        load_sources("mirabest", "train", folder)
    record.unlink()
    with pytest.raises(InputError, match=rf"data in {record.parent} are damaged .*delete that"):
        load_sources("mirabest", "train", folder)


def test_without_data_and_network_the_address_is_reported(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MiraBest.BUILDER_CONFIGS[0], "archive", replace(FAKE, md5="0" * 32))
    assert not is_at_hand("mirabest")
    with pytest.raises(InputError, match=r"cannot fetch Tiny \(.*refused\): put http://127\.0"):
        load_sources("mirabest")


@pytest.mark.parametrize("data", ["mirabset", "", "frdeep/first"])
def test_an_unknown_name_is_reported(data: str) -> None:
    for function in (load_sources, is_at_hand, how_to_get):
        with pytest.raises(InputError, match=f"unknown data '{data}': take one of mirabest, mir"):
            function(data)


def test_an_unknown_split_or_version_is_reported() -> None:
    with pytest.raises(InputError, match="unknown split 'validation': take train, test or all"):
        load_sources("mirabest", "validation")
    with pytest.raises(InputError, match="unknown version 'G' of MiraBest: take full or F"):
        load_sources("mirabest", version="G")


def test_a_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"pip install 'keras-astroattn\[train\]'"):
        load_sources("mirabest")


def test_data_are_at_hand_in_the_folder_or_in_the_cache(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish()
    assert not is_at_hand("mirabest-confident")
    assert is_at_hand("mirabest-confident", folder)
    monkeypatch.setenv("KERAS_ASTROATTN_DATA", str(folder))
    assert is_at_hand("mirabest")
    load_sources("mirabest")
    monkeypatch.delenv("KERAS_ASTROATTN_DATA")
    assert is_at_hand("mirabest")


def test_a_folder_with_another_set_is_no_error_for_whoever_only_asks(
    cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "FIRST_PNG_dataset.tar.gz").touch()
    assert not is_at_hand("mirabest", tmp_path)
    assert is_at_hand("frdeep", tmp_path)


def test_as_many_simulated_sources_as_are_asked_for(cache: Path, caplog) -> None:
    some = load_sources("simulated", "train", simulated_sources=5)
    test = load_sources("simulated", "test", simulated_sources=5)
    seed = SimulatedConfig.seed
    assert list(some.name) == [f"simulated-{seed}-0000{i}" for i in range(5)]
    assert not set(some.name) & set(test.name)
    np.testing.assert_array_equal(some.image, simulate(5, seed).image)
    with pytest.raises(InputError, match="give 1 or more"):
        load_sources("simulated", simulated_sources=0)
    assert not caplog.records


def test_simulated_sources_are_always_at_hand(cache: Path, tmp_path: Path) -> None:
    assert is_at_hand("simulated")
    assert is_at_hand("simulated", tmp_path)  # an empty folder is no hindrance
    assert "needs no data" in how_to_get("simulated")


def test_how_to_get_a_set_is_one_line_with_its_address() -> None:
    line = how_to_get("mirabest")
    assert "\n" not in line
    assert "http://www.jb.man.ac.uk/research/MiraBest/full_dataset/MiraBest_full_batches" in line
    assert "KERAS_ASTROATTN_DATA" in line


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{ "name": "tiny"'])
def test_a_damaged_description_of_prepared_data_names_the_folder(
    publish: Publish, cache: Path, content: bytes | None
) -> None:
    data = publish()
    load_sources("mirabest", "train", data)
    (description,) = cache.rglob("dataset_info.json")
    if content is None:
        description.unlink()
    else:
        description.write_bytes(content)
    folder = description.parents[1]
    with pytest.raises(
        InputError, match=rf"data in {folder}.* are damaged .*delete that"
    ) as caught:
        load_sources("mirabest", "train", data)
    assert "\n" not in str(caught.value)
