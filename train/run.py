"""`python -m train.run`: train an attention-gated CNN and watch where it looks."""

import sys
from collections.abc import Sequence

import cyclopts
from rich.console import Console

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs

from .configuration import TrainConfig, options_not_given

app = cyclopts.App(
    name="python -m train.run",
    help="Train an attention-gated CNN on radio galaxies and draw where it looks, by epoch.",
    config=options_not_given,
    version_flags=[],
)


@app.default
def run(*, config: TrainConfig | None = None) -> int:
    """Train, evaluate, and say where everything lies."""
    config = config or TrainConfig()
    try:
        with quiet_native_logs():
            from keras_astroattn.report import evaluation_table

            from .run_folder import ATTENTION_FOLDER
            from .training import train
    except ModuleNotFoundError as error:
        raise InputError(
            f"training needs {error.name}, which is not installed: pip install -e '.[train]'"
        ) from None
    console = Console()
    result = train(config, console)
    for evaluation in result.evaluations.values():
        console.print(evaluation_table(evaluation))
    for name, what in (
        ("best.keras", "the model: keras.models.load_model opens it after import keras_astroattn"),
        (f"{ATTENTION_FOLDER}/progress.png", "where it looked, epoch by epoch"),
        ("losses.png", "how the training went"),
        ("evaluation.json", "the table above, with intervals"),
    ):
        if (result.folder / name).exists():
            console.print(
                f"{result.folder / name}  {what}", highlight=False, markup=False, soft_wrap=True
            )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
