"""Simulated radio galaxies as a TFDS builder, without a download; used by demos and tests."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from joblib import Parallel, delayed

from keras_astroattn.errors import InputError

from .builders import SourceBuilder, source_features
from .simulation import Observation, Simulation, simulate

_COLUMNS = tuple(field.name for field in dataclasses.fields(Simulation))

CHUNK = 50
"""Number of sources simulated at a time, so that no split has to fit in memory."""

PARALLEL_FROM = 2000
"""Least number of sources for several processes; fewer are made before these start."""


@dataclasses.dataclass(eq=False)
class SimulatedConfig(tfds.core.BuilderConfig):
    """A configuration of the simulated sources.

    Attributes:
        training_sources: number of training sources.
        test_sources: number of test sources; they follow the training sources in the same seed.
        seed: seed of all sources.
        observation: how they are observed; see `simulation.simulate`.
    """

    training_sources: int = 1000
    test_sources: int = 200
    seed: int = 20201204
    observation: Observation = "first"


class Simulated(SourceBuilder):
    """`tfds.builder("simulated")`: 1000 training and 200 test sources, FRI and FRII.

    The sources are drawn by `keras_astroattn.datasets.simulation`. Their classes are known by
    construction; some are uncertain, as in MiraBest. Another number or seed is another
    configuration: `Simulated(config=SimulatedConfig(name="small", training_sources=64, seed=1))`.
    """

    name = "simulated"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS's protocol)
        SimulatedConfig(name="standard", description="1000 training and 200 test sources."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Simulated radio galaxies as FIRST would see them, by FR class.",
            features=source_features(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager
        config = self.builder_config
        return {
            "train": self._generate_examples("train", 0, config.training_sources),
            "test": self._generate_examples("test", config.training_sources, config.test_sources),
        }

    def _generate_examples(
        self, split: str, start: int, count: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        chunks = range(0, count, CHUNK)
        workers = Parallel(-1 if count >= PARALLEL_FROM else 1, return_as="generator")
        config = self.builder_config
        simulated = workers(
            delayed(simulate)(
                min(CHUNK, count - first),
                config.seed,
                start=start + first,
                observation=config.observation,
            )
            for first in chunks
        )
        for first, sources in zip(chunks, simulated, strict=True):
            columns = {
                field.name: getattr(sources, field.name) for field in dataclasses.fields(Simulation)
            }
            for row in range(len(sources)):
                example = {name: column[row] for name, column in columns.items()}
                image = example["image"][..., np.newaxis]
                index = first + row
                yield index, {**example, "image": image, "batch": split, "index": index}


def sources_to_train_on(number: int, observation: Observation = "first") -> SimulatedConfig | str:
    """Return the configuration with this number of training sources; `standard` if it fits.

    Args:
        number: number of training sources.
        observation: how they are observed.

    Raises:
        InputError: The number is below 1.
    """
    if number < 1:
        raise InputError(f"simulated sources: cannot make {number} to train on; give 1 or more")
    standard = Simulated.BUILDER_CONFIGS[0]
    if number == standard.training_sources and observation == standard.observation:
        return standard.name
    kind = "train" if observation == "first" else observation
    return SimulatedConfig(
        name=f"{kind}-{number}",
        description=f"{number} training and {standard.test_sources} test sources.",
        training_sources=number,
        observation=observation,
    )
