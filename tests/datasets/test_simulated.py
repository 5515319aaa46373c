import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import keras_astroattn.datasets
from keras_astroattn.datasets.builders import source_features
from keras_astroattn.datasets.simulated import Simulated, SimulatedConfig, sources_to_train_on
from keras_astroattn.datasets.simulation import simulate


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    config = SimulatedConfig(name="small", training_sources=5, test_sources=3, seed=4)
    builder = Simulated(config=config, data_dir=tmp_path_factory.mktemp("prepared"))
    builder.download_and_prepare()
    return builder


def test_tfds_knows_the_builder_and_its_size(cache: Path) -> None:
    builder = tfds.builder("simulated")
    assert isinstance(builder, Simulated)
    assert builder.data_path.is_relative_to(cache)
    assert builder.info.disable_shuffling
    config = builder.builder_config
    assert (config.training_sources, config.test_sources) == (1000, 200)


def test_it_is_registered_without_tensorflow() -> None:
    code = (
        "import keras_astroattn.datasets, sys; import tensorflow_datasets as tfds; "
        "tfds.builder_cls('simulated'); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_features_are_those_of_the_other_builders(small: Simulated) -> None:
    assert small.info.features.dtype == source_features().dtype
    assert small.info.features.shape == source_features().shape


def test_splits_hold_consecutive_sources_of_the_seed_in_order(small: Simulated) -> None:
    expected = simulate(8, seed=4)
    rows = {name: list(tfds.as_numpy(small.as_dataset(split=name))) for name in ("train", "test")}
    assert [len(rows["train"]), len(rows["test"])] == [5, 3]
    for split, examples in rows.items():
        assert [example["index"] for example in examples] == list(range(len(examples)))
        assert {example["batch"].decode() for example in examples} == {split}
    for position, example in enumerate([*rows["train"], *rows["test"]]):
        np.testing.assert_array_equal(example["image"][..., 0], expected.image[position])
        assert example["name"].decode() == expected.name[position]
        for name in ("label", "class_index", "confident", "redshift", "angular_size", "ra", "dec"):
            assert example[name] == getattr(expected, name)[position], name
        assert example["morphology"].decode() == expected.morphology[position]


@pytest.mark.parametrize("parallel_from", [2, 100])
def test_more_than_a_chunk_of_sources_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel_from: int
) -> None:
    monkeypatch.setattr("keras_astroattn.datasets.simulated.CHUNK", 2)
    monkeypatch.setattr("keras_astroattn.datasets.simulated.PARALLEL_FROM", parallel_from)
    config = SimulatedConfig(name="chunks", training_sources=5, test_sources=1, seed=4)
    builder = Simulated(config=config, data_dir=tmp_path)
    builder.download_and_prepare()
    examples = list(tfds.as_numpy(builder.as_dataset(split="train")))
    assert [e["name"].decode() for e in examples] == [f"simulated-4-0000{i}" for i in range(5)]
    expected = simulate(5, seed=4).image
    np.testing.assert_array_equal([e["image"][..., 0] for e in examples], expected)


def test_load_sources_reads_it_without_data_or_network(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard = SimulatedConfig(name="standard", training_sources=3, test_sources=2, seed=4)
    monkeypatch.setattr(Simulated, "BUILDER_CONFIGS", [standard])
    monkeypatch.setattr(Simulated, "builder_configs", {"standard": standard})
    assert keras_astroattn.datasets.is_at_hand("simulated")
    sources = keras_astroattn.datasets.load_sources("simulated", split="all")
    assert sources.image.shape == (5, 150, 150)
    assert list(sources.split) == ["train"] * 3 + ["test"] * 2
    assert list(sources.index) == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(sources.image, simulate(5, seed=4).image)
    assert sources.checksum.startswith("sha256:")


def test_sources_seen_by_many_beams_are_a_configuration_of_their_own(tmp_path: Path) -> None:
    config = sources_to_train_on(1000, "many-beams")
    assert (config.name, config.training_sources) == ("many-beams-1000", 1000)
    config = SimulatedConfig(
        name="few", training_sources=2, test_sources=1, seed=4, observation="many-beams"
    )
    builder = Simulated(config=config, data_dir=tmp_path)
    builder.download_and_prepare()
    expected = simulate(3, seed=4, observation="many-beams")
    examples = [e for s in ("train", "test") for e in tfds.as_numpy(builder.as_dataset(split=s))]
    np.testing.assert_array_equal([e["image"][..., 0] for e in examples], expected.image)
    assert [e["confident"] for e in examples] == expected.confident.tolist()
