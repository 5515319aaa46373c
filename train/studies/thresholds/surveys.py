"""The command `python -m train.studies.thresholds.surveys`: labels with and without thresholds.

Nothing here is used to choose thresholds: the images are test images, FIRST fields smoothed to
larger beams, and simulated sources with FIRST's noise and MiraBest's sizes at larger beams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from sklearn.metrics import roc_auc_score

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation import generator, observe
from keras_astroattn.edge import Classifier, LabelRules
from keras_astroattn.edge.labels import UNRESOLVED
from keras_astroattn.files import write_text
from keras_astroattn.images import (
    BEAM,
    CLASS_NAMES,
    PIXEL_SCALE,
    Cutout,
    cutout_from_array,
    cutout_from_field,
)
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import markdown_table
from keras_astroattn.wilson import wilson_interval
from train.degradation import smoothed
from train.studies.accuracy.test_sets import UNSEEN_FRDEEP, load_test_set
from train.studies.robustness.trials import SEED, drawn_for_field, first_fields

SMOOTHED_BEAMS = (BEAM, 8.0, 10.0, 15.0, 25.0, 45.0)
"""Beams that FIRST fields are smoothed to, arcsec."""

SIMULATED_BEAMS = (BEAM, 6.0, 15.0, 25.0, 45.0)
"""Beams of simulated sources, arcsec; three pixels each."""

Example = tuple[Cutout, int]
"""A cutout and its class, 0 FRI or 1 FRII."""

app = new_app(
    name="python -m train.studies.thresholds.surveys",
    help="Measure the labels of a model with and without its thresholds, by survey.",
)


@app.default
def surveys(
    model: str,
    /,
    *,
    data_dir: Path,
    output: Path | None = None,
    sources: Annotated[int, Parameter(validator=Number(gte=1))] = 60,
) -> None:
    """Measure the labels of a model with and without its thresholds, by survey.

    Args:
        model: Name of a preset, or path of a .tflite file.
        data_dir: Folder with `mirabest/`, `frdeep/` and `fits/`, FIRST fields named by their class.
        output: Markdown file for the table; by default it is only printed.
        sources: Number of simulated sources of each beam.
    """
    with quiet_native_logs():
        classifier = Classifier(model)
    rows = []
    with Console(stderr=True).status("") as status:
        for name, examples in _sets(data_dir, sources):
            status.update(name)
            rows.append(survey_row(classifier, name, examples))
    headers = ["map", "sources", "given before", "correct before", "given", "correct"]
    text = markdown_table([*headers, UNRESOLVED, "AUC"], rows)
    if output is not None:
        write_text(output, text)
    print(text)


def _sets(data_dir: Path, count: int) -> Iterator[tuple[str, list[Example]]]:
    for title, name in (
        ("MiraBest*, test images", "mirabest-confident"),
        ("FR-DEEP, not in MiraBest", UNSEEN_FRDEEP),
    ):
        test = load_test_set(name, data_dir)
        images = zip(test.image, test.label.tolist(), strict=True)
        yield title, [(cutout_from_array(image), label) for image, label in images]
    fields = first_fields(data_dir / "fits")
    for beam in SMOOTHED_BEAMS:
        yield f"FIRST at {beam:g} arcsec", [(_smoothed(one, beam), label) for one, label in fields]
    for beam in SIMULATED_BEAMS:
        models = [drawn_for_field(k, beam / 3) for k in range(count)]
        fields_of_beam = (
            observe(one, generator(SEED, index, 1), pixel_scale=beam / 3, beam=beam)
            for index, one in enumerate(models)
        )
        yield (
            f"simulated at {beam:g} arcsec",
            [
                (cutout_from_field(field, beam / 3, beam, recentre=True), one.label)
                for field, one in zip(fields_of_beam, models, strict=True)
            ],
        )


def _smoothed(field: np.ndarray, beam: float) -> Cutout:
    coarse = smoothed(field, beam)
    return cutout_from_field(coarse, PIXEL_SCALE, beam, as_is=beam == BEAM, recentre=True)


def survey_row(classifier: Classifier, name: str, examples: Sequence[Example]) -> list[object]:
    """Return a row of the table.

    Args:
        classifier: the model.
        name: name of the map.
        examples: the sources.

    Returns:
        Name, number of sources, shares given a class and correct without and with thresholds,
        share `unresolved`, and AUC of P(FRII) among the sources that the network classifies.
    """
    asked = [classifier.rules.before_network(cutout) is None for cutout, _ in examples]
    chosen = [one for one, ask in zip(examples, asked, strict=True) if ask]
    inputs = (classifier.network_input(cutout) for cutout, _ in chosen)
    p = [classifier.predict(one)["probabilities"][0] for one in inputs]
    without = _shares(replace(classifier.rules, thresholds=None), chosen, p, len(examples))
    given, correct, unresolved = _shares(classifier.rules, chosen, p, len(examples))
    area = _auc(np.array([one[1] for one in p]), np.array([label for _, label in chosen]))
    return [name, len(examples), *without[:2], given, correct, unresolved, f"{area:.3f}"]


def _shares(
    rules: LabelRules, examples: Sequence[Example], p: Sequence[np.ndarray], count: int
) -> tuple[str, str, str]:
    labels = [
        rules.after_network(one, cutout) for one, (cutout, _) in zip(p, examples, strict=True)
    ]
    given = [
        label == CLASS_NAMES[true]
        for label, (_, true) in zip(labels, examples, strict=True)
        if label in CLASS_NAMES
    ]
    unresolved = f"{100 * labels.count(UNRESOLVED) / count:.0f} %"
    if not given:
        return "0 %", "-", unresolved
    low, high = wilson_interval(float(np.mean(given)), len(given))
    correct = f"{100 * np.mean(given):.0f} % ({100 * low:.0f}-{100 * high:.0f})"
    return f"{100 * len(given) / count:.0f} %", correct, unresolved


def _auc(p_frii: np.ndarray, label: np.ndarray) -> float:
    """Return the area under the ROC curve of FRII; NaN without both classes."""
    if len(np.unique(label)) < 2:
        return float("nan")
    return float(roc_auc_score(label, p_frii))


if __name__ == "__main__":
    raise SystemExit(run_app(app))
