"""Convert a published PyTorch checkpoint of the paper to a .keras file.

python -m export.published CHECKPOINT_OR_FOLDER --output FILE
"""

import sys
from pathlib import Path
from typing import Annotated

import cyclopts

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.models.published import load_published

app = new_app(
    name="python -m export.published",
    help="Convert a published PyTorch checkpoint to a Keras model.",
)


@app.default
def convert(
    checkpoint: Path,
    *,
    output: Annotated[Path, cyclopts.Parameter(alias="-o")],
    scope: str = "sample",
    gates: int | None = None,
    normalization: str | None = None,
    aggregation: str | None = None,
) -> None:
    """Convert a published PyTorch checkpoint to a Keras model.

    Args:
        checkpoint: A checkpoint <epoch>.pt, or a folder of them, of which the last epoch is read.
        output: The .keras file to write. An existing file is an error.
        scope: `sample` normalizes attention over each image, `batch` over the batch as the
            code of the paper does.
        gates: Number of gates, 0 to 3; by default from the name of the folder.
        normalization: Normalization of the scores; by default from the name of the folder.
        aggregation: Aggregation of the gates; by default from the name of the folder.
    """
    if output.suffix != ".keras":
        raise InputError(f"the output must be named *.keras; got {output}")
    if output.exists():
        raise InputError(f"{output} exists already; name another file or remove it")
    model = load_published(
        checkpoint, scope, gates=gates, normalization=normalization, aggregation=aggregation
    )
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(output) as temporary:
            model.save(temporary)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror or error}") from error
    print(
        f"{output}: gates={model.gates}, normalization={model.normalization}, "
        f"aggregation={model.aggregation}, scope={model.scope}"
    )


if __name__ == "__main__":
    sys.exit(run_app(app))
