"""Options, recipes, and config.json."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_astroattn.datasets import load_sources
from keras_astroattn.errors import InputError
from train.configuration import TrainConfig, read_run, recipe_values
from train.run import app
from train.sources import target_probabilities

Command = Callable[..., tuple[int, str, str]]


def paper_config(gates: int = 3, **more) -> TrainConfig:
    """Return the recipe `paper` as a configuration."""
    return TrainConfig(
        **{"gates": gates, "recipe": "paper", **recipe_values("paper", gates), **more}
    )


def parsed(arguments: str) -> TrainConfig:
    _, bound, _ = app.parse_args(arguments.split(), exit_on_error=False, print_error=False)
    return bound.arguments.get("config") or TrainConfig()


def test_without_options_the_defaults_hold() -> None:
    assert parsed("") == TrainConfig()


def test_the_recipe_fills_what_is_not_given() -> None:
    config = parsed("--recipe paper")
    # Bowles et al. 2021, section 4.
    assert (config.optimizer, config.learning_rate, config.schedule) == ("adam", 5e-5, "constant")
    assert (config.batch_size, config.epochs, config.passes) == (16, 100, 72)
    assert (config.normalization, config.aggregation, config.pooling) == ("range_norm", "ft", "sum")
    assert (config.dropout, config.psi_bias, config.flip, config.weight_decay) == (
        0.5,
        10,
        False,
        0,
    )
    assert (config.rotation, config.shift, config.zoom) == (180, 2, 0.1)
    assert config == paper_config()


@pytest.mark.parametrize(("gates", "rate", "dropout"), [(0, 5e-5, 0), (1, 1e-5, 0), (3, 5e-5, 0.5)])
def test_the_papers_rate_and_dropout_go_by_the_gates(gates, rate, dropout) -> None:
    config = parsed(f"--recipe paper --gates {gates}")
    assert (config.gates, config.learning_rate, config.dropout) == (gates, rate, dropout)


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("--batch-size 8", "batch_size", 8),
        ("--batch-size=8", "batch_size", 8),
        ("--passes 1", "passes", 1),
        ("--learning-rate 0.1", "learning_rate", 0.1),
        ("--flip", "flip", True),
        ("--dropout 0", "dropout", 0.0),
        ("--normalization sigmoid", "normalization", "sigmoid"),
        ("--scope batch", "scope", "batch"),
    ],
)
@pytest.mark.parametrize("recipe_first", [True, False])
def test_a_flag_overrides_its_recipe_and_nothing_else(option, name, value, recipe_first) -> None:
    words = ["--recipe paper", option] if recipe_first else [option, "--recipe paper"]
    assert parsed(" ".join(words)) == dataclasses.replace(paper_config(), **{name: value})


def test_the_recipe_names_options_only() -> None:
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(recipe_values("paper", 3)) <= names


@pytest.mark.parametrize("config", [TrainConfig(train_limit=50, flip=False), paper_config(gates=1)])
def test_config_json_gives_the_options_back(config: TrainConfig, tmp_path: Path) -> None:
    text = json.dumps({"config": config.to_json(), "data": {"name": "simulated"}})
    (tmp_path / "config.json").write_text(text)
    assert read_run(tmp_path)[0] == config
    resumed = parsed(f"--resume --output {tmp_path}")
    assert resumed == dataclasses.replace(config, resume=True, output=tmp_path)


def test_a_run_with_a_removed_option_is_read_where_the_option_did_nothing(tmp_path: Path) -> None:
    def saved(value: float) -> None:
        config = TrainConfig().to_json() | {"source_correlation": value}
        text = json.dumps({"config": config, "data": {"name": "simulated"}})
        (tmp_path / "config.json").write_text(text)

    saved(0.0)
    assert read_run(tmp_path)[0] == TrainConfig()
    saved(0.3)
    with pytest.raises(InputError, match="--source-correlation is no longer an option"):
        read_run(tmp_path)


def test_where_to_read_and_write_is_not_saved(tmp_path: Path) -> None:
    saved = TrainConfig(output=tmp_path, data_dir=tmp_path, resume=True).to_json()
    assert not {"output", "data_dir", "resume"} & set(saved)


def test_help_names_every_option_and_its_default() -> None:
    program = [sys.executable, "-m", "train.run", "--help"]
    shown = subprocess.run(
        program, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    for field in dataclasses.fields(TrainConfig):
        assert "--" + field.name.replace("_", "-") in shown.stdout
    for default in ("concat_gating", "0.003", "weighted_mean"):
        assert f"[default: {default}]" in " ".join(shown.stdout.replace("│", " ").split())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": 0}, "--epochs"),
        ({"epochs": -3}, "--epochs"),
        ({"batch_size": 0}, "--batch-size"),
        ({"passes": 0}, "--passes"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**32}, "--seed"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
        ({"learning_rate": float("inf")}, "--learning-rate"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"rotation": float("nan")}, "--rotation"),
        ({"shift": -1.0}, "--shift"),
        ({"psi_bias": float("inf")}, "--psi-bias"),
        ({"weight_decay": -0.1}, "--weight-decay"),
        ({"zoom": 1.0}, "--zoom"),
        ({"dropout": 1.0}, "--dropout"),
        ({"dropout": float("nan")}, "--dropout"),
        ({"validation_fraction": 1.0}, "--validation-fraction"),
        ({"validation_fraction": -0.1}, "--validation-fraction"),
        ({"train_limit": 3}, "--train-limit"),
        ({"protocol_repeats": -1}, "--protocol-repeats"),
    ],
)
def test_a_number_that_means_nothing_is_refused_by_its_name(options: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        TrainConfig(**options)


def test_nothing_is_left_to_test_a_network_that_trained_on_all() -> None:
    with pytest.raises(InputError, match="--evaluate test needs test sources that --split all"):
        TrainConfig(split="all", evaluate="test")


def test_group_convolutions_need_a_gate() -> None:
    with pytest.raises(InputError, match="--symmetry p4m needs gates"):
        TrainConfig(symmetry="p4m", gates=0)


def test_an_uncertain_label_is_taught_with_its_confidence():
    sources = load_sources("simulated", "test").select(slice(0, 3))
    sources = dataclasses.replace(
        sources, label=np.array([0, 1, 1]), confident=np.array([True, True, False])
    )
    expected = [[1.0, 0.0], [0.0, 1.0], [0.25, 0.75]]
    np.testing.assert_allclose(target_probabilities(sources, 0.75), expected, rtol=1e-7)


@pytest.mark.parametrize("value", ["0.4", "1.1"])
def test_a_confidence_below_chance_or_above_one_is_refused(value):
    with pytest.raises(InputError, match="--uncertain-confidence must be from 0"):
        parsed(f"--uncertain-confidence {value}")
