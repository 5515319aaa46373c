"""The command `python -m train.run`: train an attention-gated CNN and draw its attention."""

import sys
from collections.abc import Sequence

from rich.console import Console

from keras_astroattn.command import new_app, run_app

from .configuration import TrainConfig, options_not_given
from .runner import import_quietly

app = new_app(
    name="python -m train.run",
    help="Train an attention-gated CNN on radio galaxies, and draw its attention at each epoch.",
    config=options_not_given,
)

FILES = {
    "report.html": "report for a browser: losses, attention, evaluation, misclassified sources",
    "best.keras": "model; import keras_astroattn, then open it with keras.models.load_model",
    "attention/progress.png": "attention at each epoch",
    "losses.png": "losses at each epoch",
    "evaluation.json": "evaluation, with intervals",
}
"""Files of a run that the command names at the end."""


@app.default
def run(*, config: TrainConfig | None = None) -> int:
    """Train a network, evaluate it, and list the files that were written."""
    training = import_quietly("train.training", "training")
    from keras_astroattn.report import evaluation_table

    console = Console()
    result = training.train(config or TrainConfig(), console)
    for evaluation in result.evaluations.values():
        console.print(evaluation_table(evaluation))
    for name, description in FILES.items():
        if (result.folder / name).exists():
            text = f"{result.folder / name}  {description}"
            console.print(text, highlight=False, markup=False, soft_wrap=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
