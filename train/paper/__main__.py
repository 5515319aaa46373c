"""`python -m train.paper NAME`: the paper's experiments, each by one command."""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Literal

import cyclopts

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs

from .configuration import ExperimentConfig

app = cyclopts.App(
    name="python -m train.paper",
    help="Make the figures and tables of the paper, from its own weights or from yours.",
    version_flags=[],
)

_MODULES = {"all": "every_model", "reading": "attention"}


@app.default
def run(
    experiment: Literal[
        "datasets",
        "aggregation",
        "gates",
        "distributions",
        "misclassified",
        "reading",
        "all",
        "reproduction",
    ],
    /,
    *,
    config: ExperimentConfig,
) -> int:
    """Make the figures and tables of one of the paper's experiments.

    Parameters
    ----------
    experiment
        datasets (1): MiraBest, MiraBest* and FR-DEEP-F. aggregation (2): four normalizations
        by four aggregations. gates (3): none to three gates. distributions (4): mean images
        and mean attention. misclassified (5): what is taken for the other class, and how
        often. reading: where attention lies, beside Grad-CAM, Grad-CAM++ and saliency, and
        which networks attend the empty sky. all: every network in one table. reproduction: the
        published tables beside ours, in one document.
    config
        Options.
    """
    try:
        with quiet_native_logs():
            from .session import Session

            module = module_of(experiment)
    except ModuleNotFoundError as error:
        raise InputError(
            f"the experiments need {error.name}, which is not installed: "
            "pip install -e '.[train,convert]'"
        ) from None
    module.run(Session(config, experiment))
    return 0


def module_of(experiment: str) -> ModuleType:
    """The module of an experiment, whose `run` takes a `Session`."""
    return importlib.import_module(f".{_MODULES.get(experiment, experiment)}", __package__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
