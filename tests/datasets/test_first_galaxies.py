"""Sources in four classes, from files of the published format that the tests write."""

import hashlib
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_astroattn.datasets.first_galaxies import PUBLISHED, FirstGalaxies
from keras_astroattn.errors import InputError

SOURCES = {
    # number: label, split, catalogue, RA, Dec
    1: (3.0, "train", "Proctor_Tab1", 14.084, -9.608),
    2: (0.0, "valid", "Capetti2017a", 150.25, 20.5),
    10: (2.0, "train", "Baldi2018", 200.0, 1.0),
    3: (1.0, "test", "MiraBest", 359.5, 64.0),
}


def image_of(number):
    image = np.zeros((300, 300), np.uint8)
    image[140:160, 100 : 100 + number] = number
    return image


def write(path, sources=SOURCES):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for number, (label, split, catalogue, ra, dec) in sources.items():
            group = file.create_group(f"data_{number}")
            image = group.create_dataset("Img", data=image_of(number))
            # One fixed-length text, as older writers made them.
            source = np.bytes_(catalogue) if number == 3 else catalogue
            image.attrs.update({"RA": ra, "DEC": dec, "Source": source})
            group["Label_literature"] = label
            group["Split_literature"] = split
    return path


def prepare(folder, cache, config="any"):
    builder = FirstGalaxies(config=config, data_dir=cache)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=str(folder))
    )
    return builder


def examples(builder, split):
    return list(tfds.as_numpy(builder.as_dataset(split=split)))


def test_sources_come_in_the_order_of_their_numbers_with_their_features(tmp_path, cache):
    path = write(tmp_path / "data" / "galaxy_data_h5.h5")
    builder = prepare(path.parent, cache)
    first, second = examples(builder, "train")
    assert (first["name"], second["name"]) == (b"data_1", b"data_10")
    assert (first["label"], second["label"]) == (3, 2)
    assert (first["ra"], first["dec"], first["catalogue"]) == (14.084, -9.608, b"Proctor_Tab1")
    np.testing.assert_array_equal(second["image"][..., 0], image_of(10))
    assert [one["label"] for one in examples(builder, "validation")] == [0]
    assert [one["catalogue"] for one in examples(builder, "test")] == [b"MiraBest"]
    assert builder.info.features["label"].names == ["FRI", "FRII", "compact", "bent"]
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert FirstGalaxies(config="any", data_dir=cache).info.metadata["sha256"] == expected


def test_a_packed_file_is_read_from_its_subfolder(tmp_path, cache):
    path = write(tmp_path / "unpacked" / "galaxy_data_h5.h5")
    folder = tmp_path / "data" / "first_galaxies"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "galaxy_data_h5.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(path, "galaxy_data_h5.h5")
    assert len(examples(prepare(folder.parent, cache), "train")) == 2


def test_the_published_numbers_are_those_of_the_paper():
    # Griese et al. 2023: 495 FRI, 924 FRII, 391 compact and 348 bent sources.
    assert np.sum(list(PUBLISHED.values()), axis=0).tolist() == [495, 924, 391, 348]


def test_another_file_is_not_the_published_one(tmp_path, cache):
    write(tmp_path / "galaxy_data_h5.h5")
    with pytest.raises(InputError, match=r"not the published file.*\(0, 0, 1, 1\).*`any`"):
        prepare(tmp_path, cache, "published")


def test_without_the_file_the_address_is_named(tmp_path, cache, monkeypatch):
    with pytest.raises(InputError, match=r"zenodo.org/record/7689127/files/galaxy_data_h5.zip"):
        prepare(tmp_path, cache)
    monkeypatch.delenv("KERAS_ASTROATTN_DATA", raising=False)
    with pytest.raises(InputError, match="not downloaded"):
        FirstGalaxies(config="any", data_dir=cache).download_and_prepare()


def other_label(path):
    write(path, {1: (4.0, *SOURCES[1][1:])})


def other_split(path):
    write(path, {1: (1.0, "all", *SOURCES[1][2:])})


def truncated(path):
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def no_groups(path):
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros(3)


def small_image(path):
    with h5py.File(write(path), "r+") as file:
        del file["data_1/Img"]
        file["data_1/Img"] = np.zeros((150, 150), np.uint8)


def link_to_another_file(path):
    elsewhere = write(path.with_name("other.h5"))
    with h5py.File(write(path), "r+") as file:
        del file["data_1/Img"]
        file["data_1/Img"] = h5py.ExternalLink(str(elsewhere), "data_1/Img")


def values_in_another_file(path):
    secret = path.with_name("secret")
    secret.write_bytes(bytes(90_000))
    with h5py.File(write(path), "r+") as file:
        del file["data_1/Img"]
        file["data_1"].create_dataset(
            "Img", (300, 300), np.uint8, external=[(str(secret), 0, 90_000)]
        )


def no_position(path):
    with h5py.File(write(path), "r+") as file:
        del file["data_1/Img"].attrs["RA"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_label, "label 4 and the split 'train'"),
        (other_split, "split 'all'"),
        (truncated, "cannot be read"),
        (no_groups, "no group data_1"),
        (small_image, "not uint8 of 300 x 300"),
        (link_to_another_file, "no Img of its own"),
        (values_in_another_file, "no Img of its own"),
        (no_position, "cannot be read"),
    ],
)
def test_a_file_with_a_flaw_is_one_line(tmp_path, cache, spoil, message):
    path = tmp_path / "galaxy_data_h5.h5"
    spoil(path)
    with pytest.raises(InputError, match=message) as caught:
        prepare(tmp_path, cache)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not list(Path(cache).glob("first_galaxies/any/1.0.0"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip file", None])
def test_a_damaged_zip_file_is_one_line(tmp_path, cache, content):
    path = tmp_path / "galaxy_data_h5.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("readme.txt", "nothing")
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged zip file|does not hold one \w+\.h5"):
        prepare(tmp_path, cache)


def test_a_zip_file_with_a_damaged_stream_is_one_line(tmp_path, cache):
    path = tmp_path / "galaxy_data_h5.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("galaxy_data_h5.h5", bytes(1000))
    content = bytearray(path.read_bytes())
    content[30 + len("galaxy_data_h5.h5")] = 0xFF  # the first block: of no type of deflate
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged zip file"):
        prepare(tmp_path, cache)
