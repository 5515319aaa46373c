"""The command `python -m train.studies.robustness`.

Real sources are the FIRST fields of `DATA_DIR/fits`, smoothed to larger beams or with added noise.
Simulated sources are observed with each beam. All are read and labelled like a user's maps.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.files import write_text
from keras_astroattn.process import quiet_native_logs

from .position import position_table
from .tables import artefact_table, beam_table, point_table, ratio_table, size_table
from .trials import first_fields, simulated_trials

app = new_app(name="python -m train.studies.robustness")

_HEAD = """\
# Labels against beam, size and signal-to-noise ratio

Made by `python -m train.studies.robustness --data-dir DATA` with the preset `{model}` and {count}
simulated sources of each kind. Brackets hold 95 % intervals (Wilson). The FIRST fields are sources
of MiraBest, and the preset was trained on most of them: their figures show how labels degrade, not
how accurate they are. The simulated sources come from the program that also simulated the sources
of the pretraining, at FIRST's beam and noise, with another seed.
"""


@app.default
def benchmark(
    model: str = DEFAULT_PRESET,
    /,
    *,
    data_dir: Path | None = None,
    count: Annotated[int, Parameter(validator=Number(gte=10))] = 200,
    output: Path = Path("docs/reference/measured/robustness.md"),
) -> None:
    """Measure the labels of a model against position, beam, size, noise and imaging artefacts.

    Args:
        model: Name of a preset, or path of a .tflite file.
        data_dir: Folder with `fits/`, FIRST fields that are named as the images of MiraBest, and
            `mirabest/`. Without it, only simulated sources are measured.
        count: Number of simulated sources of each kind.
        output: Markdown file to write.
    """
    with quiet_native_logs():
        classifier = Classifier(model)
        classifier.predict(np.full((1, 150, 150, 1), -1, np.float32))
    fields = [] if data_dir is None else first_fields(data_dir / "fits")
    console = Console(stderr=True)
    parts = [_HEAD.format(model=classifier.model.name, count=count)]
    if data_dir is not None:
        with console.status("positions"):
            parts.append(position_table(classifier, data_dir))
    with console.status("point sources"):
        parts.append(point_table(classifier, 5 * count))
    with console.status("artefacts"):
        parts.append(artefact_table(classifier, count))
    with console.status("beams"):
        simulated = simulated_trials(classifier, count)
        parts.append(beam_table(classifier, fields, simulated))
    parts.append(size_table(simulated))
    with console.status("signal-to-noise"):
        parts.append(ratio_table(classifier, fields, count))
    text = "\n".join(parts)
    write_text(output, text)
    console.print(f"{output} written", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
