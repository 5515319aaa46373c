"""The experiment `reproduction`: published tables next to the reproduced ones."""

import numpy as np
from sklearn.metrics import roc_auc_score

from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.report import Record, csv_table, markdown_table

from ..run_folder import make_writable
from ..sources import DATA_TITLES
from .catalogue import Entry
from .configuration import PUBLISHED, ExperimentConfig
from .datasets import without_leak
from .misclassified import false_rates
from .published_results import (
    ACCURACY_TOLERANCE,
    AGGREGATIONS,
    AUC_TOLERANCE,
    CHAPTERS,
    MISCLASSIFIED,
    MISCLASSIFIED_THRESHOLD,
    NORMALIZATIONS,
    PROPOSED,
    PublishedResult,
    is_second_training,
    published_results,
)
from .session import Measurement, Session


def run(session: Session) -> None:
    """Evaluate the published networks by the protocol of the paper, and compare the results.

    Raises:
        InputError: The weights are not the paper's, or the sources not the test set.
    """
    if session.config.weights != PUBLISHED or session.config.split != "test":
        raise InputError("reproduction needs the published weights and --split test")
    measured = sorted(session.measure(session.entries), key=_paper_order)
    rows = [
        comparison_row(one, chapter, published)
        for one in measured
        for chapter, published in published_results(one.entry).items()
    ]
    session.write("reproduction.csv", csv_table(rows))
    text = document(rows, measured, session.config) + _remarks(session, measured)
    session.write("reproduction.md", text)
    path = session.config.document
    if path is not None:
        make_writable(path.parent)
        write_text(path, text)
        session.say(str(path))


def _paper_order(one: Measurement) -> tuple:
    """Sort by data set, grid and number of gates, in the order of the paper."""
    entry = one.entry
    return (
        list(DATA_TITLES).index(entry.data),
        NORMALIZATIONS.index(entry.normalization),
        AGGREGATIONS.index(entry.aggregation),
        entry.experiment,
        entry.gates,
    )


def _remarks(session: Session, measured: list[Measurement]) -> str:
    """Return the remarks on the leak of FR-DEEP, and on a network without published results."""
    text = "\n## Remarks\n\n"
    for one in measured:
        for evaluation in without_leak(session, one):
            text += (
                f"- FR-DEEP-F on the {evaluation.images} test images that its training set does "
                f"not show too, {evaluation.protocol}: accuracy {100 * evaluation.accuracy:.1f} %, "
                f"AUC {evaluation.auc:.3f}.\n"
            )
        if is_second_training(one.entry):
            ours = one.main_evaluation
            text += (
                "- The published weights hold a second network of 3 gates, range_norm and ft on "
                f"MiraBest, `{one.entry.name}`. Its accuracy is {100 * ours.accuracy:.1f} % and "
                f"its AUC {ours.auc:.3f} ({ours.protocol}). The grid's 84.3 % and 0.919 are the "
                "first one's: its cell is the proposed network.\n"
            )
    return text


def comparison_row(one: Measurement, chapter: int, published: PublishedResult) -> Record:
    """Return the reproduced and published results of one network, and their difference."""
    scope = one.entry.scopes[0]
    ours, alone = one.main_evaluation, one.evaluations["pooled", "sample"]
    clean = one.evaluations["clean", "sample"]
    accuracy_error, auc_error = monte_carlo_errors(one.passes[scope].views, one.sources.label)
    accuracy, auc = 100 * ours.accuracy, ours.auc
    return one.entry.columns() | {
        "experiment": chapter,
        "repeats": one.repeats,
        "published_accuracy": published.accuracy,
        "accuracy": accuracy,
        "accuracy_error": 100 * accuracy_error,
        "published_AUC": published.auc,
        "AUC": auc,
        "AUC_error": auc_error,
        "AUC_by_p_FRI": auc_by_first_class(one.passes[scope].views, one.sources.label),
        "recall_FRI": ours.recall[0],
        "recall_FRII": ours.recall[1],
        "within": "yes"
        if agrees(accuracy - published.accuracy, ACCURACY_TOLERANCE)
        and agrees(auc - published.auc, AUC_TOLERANCE)
        else "no",
        "per_image_accuracy": 100 * alone.accuracy,
        "per_image_AUC": alone.auc,
        "clean_per_image_accuracy": 100 * clean.accuracy,
        "clean_per_image_AUC": clean.auc,
    }


def auc_by_first_class(views: np.ndarray, labels: np.ndarray) -> float:
    """Return the AUC of p(FRI) as the score of FRI, pooled over all views.

    It differs from the AUC of p(FRII) only if probabilities saturate. In single precision, the
    larger probability is rounded to 1 if the logits differ by 17, so that such images tie. The
    smaller probability still ranks them.
    """
    pooled = np.broadcast_to(labels, views.shape[:2]).ravel()
    return float(roc_auc_score(pooled == 0, views[..., 0].ravel()))


def agrees(difference: float, tolerance: float) -> bool:
    """Return whether a difference is within a tolerance."""
    return abs(difference) <= tolerance


def monte_carlo_errors(views: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the standard errors of pooled accuracy and AUC that the random transforms cause.

    They are computed from the scatter over repeats, and are NaN for a single repeat.

    Args:
        views: (repeats, n, 2) probabilities.
        labels: (n,) classes.

    Returns:
        Standard errors of accuracy and AUC.
    """
    repeats = len(views)
    if repeats < 2:
        return float("nan"), float("nan")
    accuracy = (views.argmax(axis=-1) == labels).mean(axis=1)
    auc = [roc_auc_score(labels, repeat[:, 1]) for repeat in views]
    return tuple(float(np.std(values, ddof=1) / np.sqrt(repeats)) for values in (accuracy, auc))


def document(rows: list[Record], measured: list[Measurement], config: ExperimentConfig) -> str:
    """Write the document in Markdown.

    Args:
        rows: records of `comparison_row`.
        measured: the networks.
        config: options of the experiment.

    Returns:
        Markdown text.
    """
    within = sum(row["within"] == "yes" for row in rows)
    command = (
        "python -m train.paper reproduction --weights published --published-dir DIR "
        f"--data-dir DIR --repeats {config.repeats_of('reproduction')} --output DIR "
        "--document docs/reference/measured/reproduction.md"
    )
    if config.in_full:
        command += " --in-full " + " ".join(f"'{pattern}'" for pattern in config.in_full)
    repeats = sorted({one.repeats for one in measured})
    over = f"{repeats[0]} transforms"
    if repeats[1:]:
        over += f" ({repeats[-1]} of some networks, see the column)"
    text = (
        "# The published tables, reproduced\n\n"
        "These tables compare the figures that the paper prints (Bowles et al. 2021, arXiv "
        "2012.01248) with those of its own weights in this library, on its test sets. The command "
        "is\n\n"
        f"```\n{command}\n```\n\n"
        f"**{within} of {len(rows)} published figures agree with the paper within "
        f"{ACCURACY_TOLERANCE:.1f} point of accuracy and {AUC_TOLERANCE} of AUC.**\n\n"
        "- *paper*: pooled over 360 random transforms of every test image.\n"
        f"- *ours*: the same protocol over {over}: attention normalized over "
        "batches of 16 consecutive images, as the paper's code did. ± is the standard error from "
        "the choice of random transforms alone. The paper's figures have such an error too, of "
        "the same size for as many transforms.\n"
        "- *per image*: the same transforms, each image normalized by itself. The prediction does "
        "not depend on the other images of the batch. This is the default of the library, and is "
        "recommended.\n"
        "- *clean, per image*: one pass over the images as they are.\n\n"
        "`softmax` and `sigmoid` normalize one image at a time, and a network without gates "
        "normalizes nothing. There *ours* and *per image* are equal.\n\n"
    )
    for experiment, title in CHAPTERS.items():
        chosen = [row for row in rows if row["experiment"] == experiment]
        if experiment == 3:
            chosen.sort(key=lambda row: row["gates"])
        text += f"## {title}\n\n{_table(chosen, experiment)}\n"
    text += _differences(rows) + _in_full(measured, config.repeats_of("reproduction"))
    return text + _misclassified(measured)


def _table(rows: list[Record], experiment: int) -> str:
    headers = [
        {1: "data", 2: "normalization, aggregation", 3: "gates"}[experiment],
        "transforms",
        "accuracy %: paper",
        "ours",
        "per image",
        "clean, per image",
        "AUC: paper",
        "ours",
        "ours, by p(FRI)",
        "per image",
        "clean, per image",
        "agrees",
    ]
    if experiment == 1:
        headers += ["recall FRI / FRII: paper", "ours"]
    return markdown_table(headers, (_cells(row, experiment) for row in rows))


def _cells(row: Record, experiment: int) -> list[str]:
    name = {
        1: row["trained_on"],
        2: f"{row['normalization']}, {row['aggregation']}",
        3: str(row["gates"]),
    }[experiment]
    cells = [
        name,
        str(row["repeats"]),
        f"{row['published_accuracy']:.1f}",
        _with_error(row["accuracy"], row["accuracy_error"], 1),
        f"{row['per_image_accuracy']:.1f}",
        f"{row['clean_per_image_accuracy']:.1f}",
        f"{row['published_AUC']:.3f}",
        _with_error(row["AUC"], row["AUC_error"], 3),
        f"{row['AUC_by_p_FRI']:.3f}",
        f"{row['per_image_AUC']:.3f}",
        f"{row['clean_per_image_AUC']:.3f}",
        row["within"],
    ]
    if experiment == 1:
        data = next(data for data, title in DATA_TITLES.items() if title == row["trained_on"])
        cells += [
            " / ".join(f"{value:.3f}" for value in PROPOSED[data].recall),
            f"{row['recall_FRI']:.3f} / {row['recall_FRII']:.3f}",
        ]
    return cells


def _with_error(value: float, error: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isnan(error) else f"{value:.{digits}f} ± {error:.{digits}f}"


def _differences(rows: list[Record]) -> str:
    text = "## Where they differ\n\n"
    far = [row for row in rows if row["within"] == "no"]
    for row in far:
        d_accuracy = row["accuracy"] - row["published_accuracy"]
        d_auc = row["AUC"] - row["published_AUC"]
        text += (
            f"- {_name(row)}: accuracy {d_accuracy:+.1f} points "
            f"({_sigmas(d_accuracy, row['accuracy_error'])}), AUC {d_auc:+.3f} "
            f"({_sigmas(d_auc, row['AUC_error'])}), by p(FRI) "
            f"{row['AUC_by_p_FRI'] - row['published_AUC']:+.3f}. σ is our own error only.\n"
        )
    if not far:
        text += "All figures are within the tolerances.\n"
    accuracy = np.array([row["accuracy"] - row["published_accuracy"] for row in rows])
    auc = np.array([row["AUC"] - row["published_AUC"] for row in rows])
    by_first = np.array([row["AUC_by_p_FRI"] - row["published_AUC"] for row in rows])
    text += (
        f"\nOver all {len(rows)} figures, ours minus the paper's: accuracy {accuracy.mean():+.2f} "
        f"points on average, scatter {accuracy.std(ddof=1):.2f}, largest "
        f"{accuracy[np.abs(accuracy).argmax()]:+.2f}; AUC {auc.mean():+.4f} on average, scatter "
        f"{auc.std(ddof=1):.4f}, largest {auc[np.abs(auc).argmax()]:+.4f}.\n\n"
        "The AUC depends on the class whose probability ranks the images. The logits of these "
        "networks differ so much that for many images the probability of the likelier class is 1 "
        "in single precision. These images tie, while the probability of the other class, for "
        "example 1e-20, still ranks them. The paper does not say which class it used. "
        "Root-mean-square difference from its AUC: "
        f"{_rms(auc):.4f} by p(FRII), {_rms(by_first):.4f} by p(FRI), of which the largest is "
        f"{by_first[np.abs(by_first).argmax()]:+.4f}.\n\n"
    )
    return text + (
        "Reasons for the differences:\n\n"
        "- The transforms are random and the paper's seed is not known, so both figures are Monte "
        "Carlo estimates.\n"
        "- The paper normalizes attention over its batches, so the result of an image depends on "
        "the other images of its batch. `std_mean_norm` divides by the highest score of the batch, "
        "so whole batches are right or wrong together. Its figures scatter most between sets of "
        "transforms, as their errors show.\n"
        "- FR-DEEP-F has 50 test images, 616 pairs of an FRI and an FRII; 0.015 of AUC is nine "
        "pairs.\n"
        "- Differences of several standard errors are not chance. The weights reproduce their "
        "reference outputs to float32 rounding (`tests/models/test_published.py`). So the protocol "
        "must differ: the paper does not state how its run resampled, filled and batched the "
        "images.\n\n"
        "Per-image normalization changes the results most where attention is normalized by its "
        "range or its maximum. The networks were trained on maps that were normalized over a "
        "batch; one by one, they see maps of another scale.\n\n"
    )


def _in_full(measured: list[Measurement], repeats: int) -> str:
    """Return results of the `--in-full` networks with the others' number of transforms."""
    chosen = [one for one in measured if one.repeats > repeats]
    if not chosen:
        return ""
    text = (
        f"`--in-full` gives some networks {chosen[0].repeats} transforms, as the paper did, and "
        f"the others {repeats}. The first {repeats} of them alone gave:\n\n"
    )
    for one in chosen:
        views = one.passes[one.entry.scopes[0]].views[:repeats]
        labels = np.broadcast_to(one.sources.label, views.shape[:2])
        accuracy = (views.argmax(axis=-1) == labels).mean()
        auc = roc_auc_score(labels.ravel(), views[..., 1].ravel())
        accuracy_error, auc_error = monte_carlo_errors(views, one.sources.label)
        near = all(
            agrees(100 * accuracy - published.accuracy, ACCURACY_TOLERANCE)
            and agrees(auc - published.auc, AUC_TOLERANCE)
            for published in published_results(one.entry).values()
        )
        text += (
            f"- {one.entry.configuration} on {DATA_TITLES[one.entry.data]}: accuracy "
            f"{_with_error(100 * accuracy, 100 * accuracy_error, 1)} %, AUC "
            f"{_with_error(auc, auc_error, 3)}: {'' if near else 'not '}within the tolerances.\n"
        )
    return text + "\n"


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _name(row: Record) -> str:
    if row["experiment"] == 2:
        return f"{row['normalization']}, {row['aggregation']}"
    if row["experiment"] == 3:
        return "1 gate" if row["gates"] == 1 else f"{row['gates']} gates"
    return f"the proposed network on {row['trained_on']}"


def _sigmas(difference: float, error: float) -> str:
    return "one repeat: no error known" if not error > 0 else f"{abs(difference) / error:.1f} σ"


def _misclassified(measured: list[Measurement]) -> str:
    (one,) = (one for one in measured if _is_proposed_on_mirabest(one.entry))
    text = (
        "## Sources that are always misclassified\n\n"
        "Sources of MiraBest's test set (without hybrids) that the proposed network assigns to the "
        f"other class in at least {100 * MISCLASSIFIED_THRESHOLD:g} % of the transforms; the paper "
        "used 1000. `python -m train.paper misclassified` lists and draws them.\n\n"
    )
    batch, alone = (false_rates(one, scope) for scope in ("batch", "sample"))
    listed = sorted(
        set(MISCLASSIFIED)
        | set(np.flatnonzero(batch >= MISCLASSIFIED_THRESHOLD).tolist())
        | set(np.flatnonzero(alone >= MISCLASSIFIED_THRESHOLD).tolist())
    )
    cells = (
        [
            str(row),
            str(one.sources.name[row]),
            "yes" if row in MISCLASSIFIED else "no",
            f"{100 * batch[row]:.1f}",
            f"{100 * alone[row]:.1f}",
        ]
        for row in listed
    )
    headers = ["row", "source", "in the paper's list", "false, ours %", "false, per image %"]
    return text + markdown_table(headers, cells, text=3)


def _is_proposed_on_mirabest(entry: Entry) -> bool:
    return entry.experiment == 1 and entry.data == "mirabest"
