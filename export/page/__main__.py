"""`python -m export.page`: build the page that classifies radio maps in a browser."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.presets import DEFAULT_PRESET

app = new_app(
    name="python -m export.page",
    help="Build the page that classifies radio maps in a browser.",
)


@app.default
def page(
    *,
    output: Path = Path("page"),
    model: str = DEFAULT_PRESET,
    generate: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Build the page that classifies radio maps in a browser.

    The folder can be hosted on any web server. `keras-astroattn.html` in it is the same page in
    one file, which opens from disk. The build needs Node.js 20 and installs the packages of
    `export/page/package-lock.json`.

    Args:
        output: Folder to write to.
        model: Preset, or path of a .tflite file. Evidence needs a network of the aggregation votes.
        generate: Write the constants and reference values of the TypeScript from Python first.
    """
    console = Console(highlight=False, soft_wrap=True)
    if generate:
        from .generate import write

        for path in write():
            console.print(str(path), markup=False)
    from .build import build

    for path in build(output, model):
        console.print(f"{path}  {path.stat().st_size} bytes", markup=False)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
