"""The command `python -m train.paper NAME`: the experiments of the paper."""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Literal

from keras_astroattn.command import new_app, run_app

from ..runner import import_quietly
from .configuration import ExperimentConfig

app = new_app(
    name="python -m train.paper",
    help="Make the figures and tables of the paper, from its published weights or from your runs.",
)

_MODULES = {"all": "every_model"}
_FORMER = {"reading": "attention"}


@app.default
def run(
    experiment: Literal[
        "datasets",
        "aggregation",
        "gates",
        "distributions",
        "misclassified",
        "attention",
        "all",
        "reproduction",
    ],
    /,
    *,
    config: ExperimentConfig,
) -> int:
    """Make the figures and tables of one of the paper's experiments.

    Args:
        experiment: `datasets` (1): MiraBest, MiraBest* and FR-DEEP-F. `aggregation` (2): four
            normalizations by four aggregations. `gates` (3): none to three gates.
            `distributions` (4): mean images and mean attention maps. `misclassified` (5): how
            often each source is assigned to the other class. `attention`: where attention
            lies, compared with Grad-CAM, Grad-CAM++ and saliency. `all`: every network in one
            table. `reproduction`: the published tables next to the reproduced ones, in one
            document.
        config: Options.
    """
    session = import_quietly("train.paper.session", "an experiment", "train,convert")
    module_of(experiment).run(session.Session(config, experiment))
    return 0


def module_of(experiment: str) -> ModuleType:
    """Return the module of an experiment; its `run` takes a `Session`."""
    return importlib.import_module(f".{_MODULES.get(experiment, experiment)}", __package__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in _FORMER:
        present = _FORMER[arguments[0]]
        print(f"the experiment {arguments[0]} is now {present}", file=sys.stderr)
        arguments[0] = present
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
