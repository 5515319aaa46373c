"""A small simulated survey, and what each of its sources must be."""

import os
from pathlib import Path

import pytest
from support.small_survey import World, scored_alone

from keras_astroattn.datasets.simulation.survey import simulate_survey


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("survey")
    simulated = simulate_survey(folder / "survey", sources=30, tiles=5, seed=1)
    environment = os.environ | {
        "KERAS_ASTROATTN_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    return World(folder, simulated, environment)


@pytest.fixture(scope="session")
def expected(world) -> list[dict[str, tuple]]:
    return scored_alone(world.simulated)
