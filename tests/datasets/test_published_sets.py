"""MiraBest and FR-DEEP as they were published, against a plain reading of their files."""

import csv
import functools
import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from keras_astroattn import datasets
from keras_astroattn.datasets import archives, frdeep, mirabest
from keras_astroattn.datasets.classes import SOURCE_CLASSES
from keras_astroattn.errors import InputError
from keras_astroattn.images import preprocess

LOAD = functools.cache(datasets.load_sources)
ARCHIVES = (mirabest.FULL, mirabest.VERSION_F, frdeep.FIRST, frdeep.NVSS)


@pytest.fixture
def load(data_dir: Path, shared_cache: Path):
    return functools.partial(LOAD, data_dir=data_dir, cache_dir=shared_cache)


def plain_rows(path: Path, batch: str) -> tuple[list[np.ndarray], list[int], list[str]]:
    """A batch of a trusted tarball, by pickle and numpy alone."""
    with tarfile.open(path) as tarball:
        member = next(m for m in tarball if m.name.endswith("/" + batch))
        content = pickle.loads(tarball.extractfile(member).read())
    names = [str(name).split("/")[-1] for name in content["filenames"]]
    return [np.reshape(image, (150, 150)) for image in content["data"]], content["labels"], names


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.title)
def test_registered_checksums_are_those_of_the_files(
    archive: archives.Archive, data_dir: Path
) -> None:
    table = Path(mirabest.__file__).with_name("checksums.tsv").read_text()
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in table.splitlines()}
    content = archives.require_archive(archive, data_dir).read_bytes()
    size, sha256, filename = lines[archive.url]
    assert int(size) == len(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert filename == archive.filename
    assert archive.md5 == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize(
    ("data", "split", "fr1", "fr2", "hybrids"),
    [
        ("mirabest", "all", 591, 631, 0),
        ("mirabest", "test", 74, 79, 0),
        ("mirabest-confident", "all", 397, 436, 0),
        ("mirabest-confident", "train", 348, 381, 0),
        ("mirabest-confident", "test", 49, 55, 0),
        ("mirabest-hybrid", "all", 0, 0, 34),
        ("mirabest-all", "train", 517, 552, 30),
        ("frdeep", "test", 22, 28, 0),
        ("frdeep", "train", 240, 307, 0),
        ("frdeep-nvss", "test", 22, 28, 0),
        ("frdeep-nvss", "train", 241, 308, 0),
    ],
)
def test_the_published_numbers_of_sources(load, data, split, fr1, fr2, hybrids) -> None:
    sources = load(data, split)
    assert np.bincount(sources.label, minlength=3).tolist() == [fr1, fr2, hybrids]
    assert sources.image.shape == (len(sources), 150, 150)
    assert sources.image.dtype == np.uint8


def test_mirabests_ten_classes_are_the_papers() -> None:
    codes = "100 102 104 110 112 200 201 210 300 310"
    assert " ".join(c.code for c in SOURCE_CLASSES) == codes
    # Porter & Scaife: first digit label, second confidence (0 sure), third morphology.
    for source_class in SOURCE_CLASSES:
        assert source_class.label == int(source_class.code[0]) - 1
        assert source_class.confident == (source_class.code[1] == "0")
        assert (source_class.morphology == "standard") == (source_class.code[2] == "0")


@pytest.mark.parametrize("version", ["full", "F"])
@pytest.mark.parametrize("batch", ["data_batch_2", "test_batch"])
def test_mirabest_rows_are_the_files_rows(load, data_dir, version, batch) -> None:
    sources = load("mirabest-all", "all", version=version)
    sources = sources.select(sources.batch == batch)
    archive = mirabest.FULL if version == "full" else mirabest.VERSION_F
    images, labels, names = plain_rows(data_dir / "mirabest" / archive.filename, batch)
    np.testing.assert_array_equal(sources.image, images)
    np.testing.assert_array_equal(sources.class_index, labels)
    np.testing.assert_array_equal([name + ".png" for name in sources.name], names)
    np.testing.assert_array_equal(sources.index, np.arange(157))
    assert sources.checksum == f"md5:{archive.md5}"


@pytest.mark.parametrize("data", ["frdeep", "frdeep-nvss"])
def test_frdeep_rows_are_the_files_rows(load, data_dir, data) -> None:
    sources = load(data, "all", keep_flawed=True)
    assert len(sources) == 600
    filename = frdeep.FIRST.filename if data == "frdeep" else frdeep.NVSS.filename
    for batch in ("data_batch_2", "data_batch_11", "test_batch"):
        chosen = sources.select(sources.batch == batch)
        images, labels, names = plain_rows(data_dir / "frdeep" / filename, batch)
        np.testing.assert_array_equal(chosen.image, images)
        np.testing.assert_array_equal(chosen.label, labels)
        np.testing.assert_array_equal([name + ".png" for name in chosen.name], names)
    assert np.isnan(sources.ra).all()
    assert (sources.class_index == -1).all()


def test_names_give_the_numbers(load) -> None:
    sources = load("mirabest", "test")
    assert sources.name[0] == "100_188.320+019.481_0.2282_0049.17"
    assert (sources.ra[0], sources.dec[0]) == (188.320, 19.481)  # to the last digit of float64
    assert (sources.redshift[0], sources.angular_size[0]) == (0.2282, 49.17)
    south = sources.select(sources.dec < 0)
    assert len(south) > 0
    assert all("-" in name for name in south.name)
    train = load("mirabest-all", "train")
    # The sky of the SDSS, which the sample was drawn from.
    assert -11 <= train.dec.min() < train.dec.max() <= 65
    assert 0 <= train.ra.min() < train.ra.max() < 360


@pytest.mark.parametrize(
    ("data", "trained_on"),
    [
        ("mirabest", "MiraBestNOHYBRID"),
        ("mirabest-confident", "MiraBestNOUNC"),
        ("frdeep", "FRDEEP"),
    ],
)
def test_rows_are_those_of_the_papers_reference(load, published_dir, data, trained_on) -> None:
    path = (
        published_dir
        / "reference"
        / f"0709Exp1-range_norm-{trained_on}Adam-AGRadGalNetft-5e-05.npz"
    )
    sources = load(data, "test")
    with np.load(path) as reference:
        np.testing.assert_array_equal(sources.index, reference["test_index"])
        np.testing.assert_array_equal(sources.label, reference["label"])


def test_an_image_is_its_field_neither_flipped_nor_turned(load, data_dir) -> None:
    sources = load("mirabest-all", "all")
    for name in ("100_188.320+019.481_0.2282_0049.17", "200_181.118+050.172_0.2087_0104.62"):
        field = fits.getdata(data_dir / "fits" / f"{name}.fits").squeeze()
        (row,) = np.flatnonzero(sources.name == name)
        np.testing.assert_array_equal(sources.image[row], preprocess(field))


def test_the_two_versions_of_mirabest_mix_training_and_test(load) -> None:
    def names(version: str, split: str) -> set[str]:
        return set(load("mirabest-all", split, version=version).name)

    assert len(names("full", "test") & names("F", "train")) == 132
    assert len(names("F", "test") & names("full", "train")) == 132


def test_frdeeps_flaws_are_what_they_are_called(load) -> None:
    everything = load("frdeep", "all", keep_flawed=True)
    clean = load("frdeep", "all")
    assert len(everything) - len(clean) == 3

    def row(sources, batch, name, label):
        return np.flatnonzero(
            (sources.batch == batch) & (sources.name == name) & (sources.label == label)
        )

    blank = row(everything, "data_batch_11", "13_FRICAT_FR1_example", 0)
    assert everything.image[blank].max() == 0
    first = row(everything, "data_batch_10", "134_example", 1)
    second = row(everything, "data_batch_10", "182_example", 1)
    np.testing.assert_array_equal(everything.image[first], everything.image[second])
    leak = row(everything, "data_batch_2", "163_FRICAT_FR1_example", 0)
    shown = row(everything, "test_batch", "30_example", 0)
    assert _likeness(everything.image[leak[0]], everything.image[shown[0]]) > 0.999
    for key in frdeep.FLAWED[frdeep.FIRST]:
        assert len(row(everything, *key)) == 1
        assert len(row(clean, *key)) == 0
    assert len(row(clean, "data_batch_10", "134_example", 1)) == 1
    # The test set is whole.
    np.testing.assert_array_equal(
        load("frdeep", "test").image, load("frdeep", "test", keep_flawed=True).image
    )


def test_no_image_of_clean_sets_is_blank_or_repeated(load) -> None:
    for data in ("frdeep", "frdeep-nvss"):
        images = load(data, "all").image
        assert images.max(axis=(1, 2)).min() > 0
        assert len({image.tobytes() for image in images}) == len(images)
    nvss = load("frdeep-nvss", "all", keep_flawed=True).image
    assert len({image.tobytes() for image in nvss}) == 599


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Largest cyclic cross-correlation of two images, 1 for the same one shifted."""
    spectra = [np.fft.rfft2((image - image.mean()) / image.std()) for image in (one, other)]
    return float(np.fft.irfft2(spectra[0] * spectra[1].conj()).max() / one.size)


def test_frdeep_test_images_that_mirabest_trains_on(load, data_dir) -> None:
    with open(data_dir / "frdeep" / "in_mirabest.csv", newline="") as table:
        rows = [
            row
            for row in csv.DictReader(table)
            if row["frdeep_batch"] == "test_batch" and row["mirabest_batch"] != "test_batch"
        ]
    names = {row["frdeep_file"].removesuffix(".png") for row in rows}
    assert set(frdeep.TEST_SOURCES_IN_MIRABEST) == names
    test, train = load("frdeep", "test"), load("mirabest-all", "train")
    for row in rows:
        (here,) = np.flatnonzero(test.name == row["frdeep_file"].removesuffix(".png"))
        (there,) = np.flatnonzero(train.name == row["mirabest_name"])
        assert test.label[here] == 0
        assert train.batch[there] == row["mirabest_batch"]


@pytest.mark.parametrize(
    ("name", "class_index", "match"),
    [
        ("100_188.320+019.481_0.2282", 0, "is not the name of a MiraBest source"),
        ("100_188.320_019.481_0.2282_0049.17", 0, "is not the name of a MiraBest source"),
        ("galaxy", 0, "is not the name of a MiraBest source"),
        ("100_188.320+019.481_0.2282_0049.17", 5, "is labelled as class 200"),
    ],
)
def test_a_name_that_does_not_fit_is_reported(name: str, class_index: int, match: str) -> None:
    with pytest.raises(InputError, match=match):
        mirabest.describe_source(name, class_index)
