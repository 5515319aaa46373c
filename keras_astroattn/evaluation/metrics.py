"""Metrics of a set of predictions, with intervals."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES

from . import calibration
from .calibration import CalibrationBins
from .intervals import (
    Interval,
    bootstrap_weights,
    clustered_wilson_interval,
    f1_interval,
    percentile_interval,
    share_interval,
)

BOOTSTRAP_DRAWS = 2000
"""Default number of bootstrap samples; the ends of an interval vary by a tenth of its width."""

ROC_POINTS = 500
"""Largest number of points that are kept of a ROC curve; the AUC uses all."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one model on one test set under one protocol, with 95 % intervals.

    Per-class values are in the order of `keras_astroattn.images.CLASS_NAMES`. FRII is the
    positive class of the ROC. Intervals of accuracy and recalls are Wilson's (at the effective
    sample size if a source has several predictions). The other intervals are percentiles of a
    bootstrap over sources; `keras_astroattn.evaluation.intervals` gives the reason. A precision or
    F1 that is equal in all bootstrap samples gets Wilson's interval instead. Intervals describe
    the change if other sources were drawn, for the same trained model. Calibration errors are
    sums of absolute values, which resampling increases: their intervals are biased high.

    Attributes:
        protocol: name of the protocol ("clean", "pooled 360", ...).
        images: number of sources.
        predictions: number of predictions (sources times augmented views).
        accuracy: share of predictions whose likelier class is the true one.
        accuracy_interval: interval of the accuracy; likewise every `..._interval`.
        recall: for each true class, the share of its predictions that are correct.
        precision: for each predicted class, the share that is correct (0 if never predicted).
        f1: 2 precision recall / (precision + recall) for each class (0 if both are 0).
        auc: area under the ROC: probability that an FRII gets a higher p(FRII) than an FRI,
            over all pairs of predictions; ties count half.
        brier_score: mean of (p(FRII) - y)^2.
        log_loss: mean of -ln p(true class), nats; p is limited to at least 1.2e-7.
        expected_calibration_error: see `confidence_bins`.
        uncertainty_calibration_error: see `uncertainty_bins`.
        confusion: number of predictions, [true class][predicted class].
        confidence: bins of the expected calibration error (the reliability diagram).
        uncertainty: bins of the uncertainty calibration error.
        false_positive_rate: points of the ROC: share of FRIs at or above a threshold.
        true_positive_rate: points of the ROC: share of FRIIs at or above a threshold.
    """

    protocol: str
    images: int
    predictions: int
    accuracy: float
    accuracy_interval: Interval
    recall: tuple[float, ...]
    recall_intervals: tuple[Interval, ...]
    precision: tuple[float, ...]
    precision_intervals: tuple[Interval, ...]
    f1: tuple[float, ...]
    f1_intervals: tuple[Interval, ...]
    auc: float
    auc_interval: Interval
    brier_score: float
    brier_score_interval: Interval
    log_loss: float
    log_loss_interval: Interval
    expected_calibration_error: float
    expected_calibration_error_interval: Interval
    uncertainty_calibration_error: float
    uncertainty_calibration_error_interval: Interval
    confusion: tuple[tuple[int, ...], ...]
    confidence: CalibrationBins
    uncertainty: CalibrationBins
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]

    def to_json(self) -> str:
        """Return all fields as JSON text, one a line, for `from_json`."""
        lines = [
            f"  {json.dumps(name)}: {json.dumps(value, allow_nan=False)}"
            for name, value in dataclasses.asdict(self).items()
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        """Read an evaluation that `to_json` wrote.

        Args:
            text: JSON text.

        Raises:
            InputError: The text is not JSON, or not that of an evaluation.
        """
        try:
            values = json.loads(text)
            bins = {
                name: CalibrationBins(**_tuples(values.pop(name)))
                for name in ("confidence", "uncertainty")
            }
            return cls(**_tuples(values), **bins)
        except (json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"not the JSON of an evaluation ({error}): evaluate the model again"
            ) from error

    def rows(self) -> list[tuple[str, float, Interval]]:
        """Return (metric's name, value, interval) of every metric, in the order of the tables."""
        rows = [
            ("accuracy", self.accuracy, self.accuracy_interval),
            ("AUC", self.auc, self.auc_interval),
        ]
        for name in ("recall", "precision", "f1"):
            per_class = zip(
                CLASS_NAMES, getattr(self, name), getattr(self, f"{name}_intervals"), strict=True
            )
            label = "F1" if name == "f1" else name
            rows += [(f"{label} {class_name}", *rest) for class_name, *rest in per_class]
        for name in (
            "brier_score",
            "log_loss",
            "expected_calibration_error",
            "uncertainty_calibration_error",
        ):
            title = name.replace("_", " ").replace("brier", "Brier")
            rows.append((title, getattr(self, name), getattr(self, f"{name}_interval")))
        return rows

    def record(self) -> dict[str, str | int | float]:
        """Return one row of a results table: metrics, and bounds as `..._low` and `..._high`."""
        record: dict[str, str | int | float] = {
            "protocol": self.protocol,
            "images": self.images,
            "predictions": self.predictions,
        }
        for name, value, (low, high) in self.rows():
            key = name.replace(" ", "_").replace("Brier", "brier")
            record |= {key: value, f"{key}_low": low, f"{key}_high": high}
        for true, row in zip(CLASS_NAMES, self.confusion, strict=True):
            for predicted, count in zip(CLASS_NAMES, row, strict=True):
                record[f"true_{true}_predicted_{predicted}"] = count
        return record


def evaluate_predictions(
    labels: np.ndarray,
    probabilities: np.ndarray,
    protocol: str = "clean",
    bins: int = calibration.DEFAULT_BINS,
    bootstrap_draws: int = BOOTSTRAP_DRAWS,
    seed: int = 0,
) -> Evaluation:
    """Compute all metrics from labels and class probabilities.

    Args:
        labels: (n,) 0 (FRI) or 1 (FRII), one for each source.
        probabilities: (n, 2), or (views, n, 2) of `predict_pooled`, whose views are pooled.
            Rows sum to 1.
        protocol: name of the protocol in tables.
        bins: number of bins of the calibration errors.
        bootstrap_draws: number of bootstrap samples.
        seed: seed of the bootstrap.

    Returns:
        The metrics with their intervals.

    Raises:
        InputError: The shapes disagree, a label is not 0 or 1, a class is missing, a
            probability is not finite, or a row does not sum to 1.

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 1, 1])
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.1, 0.9]])
        >>> evaluate_predictions(labels, probabilities).accuracy
        0.75
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities)
    _check(labels, probabilities)
    labels = labels.astype(np.int64)
    views = probabilities.reshape(-1, len(labels), 2)
    weights = bootstrap_weights(labels, bootstrap_draws, seed)
    return Evaluation(
        protocol=protocol,
        images=len(labels),
        predictions=views.shape[0] * views.shape[1],
        **_classification(labels, views, weights),
        **_ranking(labels, views[..., 1], weights),
        **_scores(labels, views, weights),
        **_calibration(labels, views, weights, bins),
    )


def _classification(labels: np.ndarray, views: np.ndarray, weights: np.ndarray) -> dict:
    predicted = views.argmax(axis=-1)
    pooled_labels = np.broadcast_to(labels, predicted.shape).ravel()
    confusion = confusion_matrix(pooled_labels, predicted.ravel(), labels=[0, 1])
    right = (predicted == labels).mean(axis=0)
    # (draws, true class, predicted class): each source's row of the confusion matrix, summed as
    # often as the bootstrap drew the source.
    as_class = (predicted[..., np.newaxis] == np.arange(2)).sum(axis=0)
    one_hot = labels[:, np.newaxis] == np.arange(2)
    samples = np.einsum("bn,nt,np->btp", weights, one_hot.astype(float), as_class.astype(float))
    precision, f1 = _precision_and_f1(confusion.astype(float))
    sampled_precision, sampled_f1 = _precision_and_f1(samples)
    claimed = as_class > 0
    of_or_as_class = (claimed | one_hot).sum(axis=0)
    return {
        "accuracy": float(right.mean()),
        "accuracy_interval": clustered_wilson_interval(right, len(views)),
        "recall": tuple(float(right[labels == label].mean()) for label in (0, 1)),
        "recall_intervals": tuple(
            clustered_wilson_interval(right[labels == label], len(views)) for label in (0, 1)
        ),
        "precision": tuple(precision.tolist()),
        "precision_intervals": tuple(
            map(share_interval, sampled_precision.T, precision.tolist(), claimed.sum(axis=0))
        ),
        "f1": tuple(f1.tolist()),
        "f1_intervals": tuple(map(f1_interval, sampled_f1.T, f1.tolist(), of_or_as_class)),
        "confusion": tuple(tuple(row) for row in confusion.tolist()),
    }


def _precision_and_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and F1 of each class from (..., true, predicted) counts; 0 if undefined."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    claimed, present = confusion.sum(axis=-2), confusion.sum(axis=-1)
    # F1 = 2 hits / (claimed + present), and every class is present.
    return hits / np.maximum(claimed, 1), 2 * hits / (claimed + present)


def _ranking(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> dict:
    pooled_labels = np.broadcast_to(labels, scores.shape).ravel()
    false_positive, true_positive, _ = roc_curve(pooled_labels, scores.ravel())
    kept = np.unique(
        np.linspace(0, len(false_positive) - 1, min(ROC_POINTS, len(false_positive))).astype(int)
    )
    wins = _pairwise_wins(scores[:, labels == 1], scores[:, labels == 0])
    positive, negative = weights[:, labels == 1], weights[:, labels == 0]
    samples = np.einsum("bp,pq,bq->b", positive, wins, negative, optimize=True) / wins.size
    return {
        "auc": float(roc_auc_score(pooled_labels, scores.ravel())),
        "auc_interval": percentile_interval(samples),
        "false_positive_rate": tuple(false_positive[kept].tolist()),
        "true_positive_rate": tuple(true_positive[kept].tolist()),
    }


def _pairwise_wins(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the (P, Q) share of view pairs in which source p outscores source q; ties half.

    The pooled AUC is the mean of this matrix, and a bootstrap sample over sources is a weighted
    mean of it.
    """
    wins = np.empty((positive.shape[1], negative.shape[1]))
    for q, rivals in enumerate(np.sort(negative.T)):
        beaten = np.searchsorted(rivals, positive, "left")
        not_lost = np.searchsorted(rivals, positive, "right")
        wins[:, q] = (beaten + not_lost).mean(axis=0) / (2 * len(rivals))
    return wins


def _scores(labels: np.ndarray, views: np.ndarray, weights: np.ndarray) -> dict:
    values = {}
    for name in ("brier_score", "log_loss"):
        by_source = getattr(calibration, name)(labels, views).mean(axis=0)
        values[name] = float(by_source.mean())
        values[f"{name}_interval"] = percentile_interval(weights @ by_source / len(labels))
    return values


def _calibration(labels: np.ndarray, views: np.ndarray, weights: np.ndarray, bins: int) -> dict:
    values = {}
    for kind, error in (
        ("confidence", "expected_calibration_error"),
        ("uncertainty", "uncertainty_calibration_error"),
    ):
        sums = getattr(calibration, f"{kind}_sums")(labels, views, bins)
        values[kind] = calibration.bins_from_sums(sums.sum(axis=1))
        values[error] = values[kind].error
        _, stated, observed = np.einsum("bm,smk->sbk", weights, sums, optimize=True)
        samples = np.abs(observed - stated).sum(axis=1) / (views.shape[0] * views.shape[1])
        values[f"{error}_interval"] = percentile_interval(samples)
    return values


def _check(labels: np.ndarray, probabilities: np.ndarray) -> None:
    if probabilities.ndim not in (2, 3) or probabilities.shape[-2:] != (len(labels), 2):
        raise InputError(
            f"probabilities have shape {probabilities.shape} for {len(labels)} labels: "
            "give (images, 2) or (views, images, 2)"
        )
    present = np.unique(labels)
    if not np.isin(present, (0, 1)).all():
        raise InputError(f"labels are {present.tolist()}: give 0 (FRI) and 1 (FRII) only")
    if len(present) < 2:
        missing = [name for label, name in enumerate(CLASS_NAMES) if label not in present]
        raise InputError(
            f"no {' and no '.join(missing)} among the {len(labels)} labels: "
            "metrics need sources of both classes"
        )
    if not np.isfinite(probabilities).all():
        raise InputError("probabilities hold NaN or infinity: check the model's weights")
    if probabilities.min() < 0 or np.abs(probabilities.sum(axis=-1) - 1).max() > 1e-3:
        raise InputError("probabilities do not sum to 1: give a softmax of the logits")


def _tuples(values: object) -> object:
    """Convert lists, as JSON has them, to the tuples that the dataclasses hold."""
    if isinstance(values, list):
        return tuple(_tuples(value) for value in values)
    if isinstance(values, dict):
        return {key: _tuples(value) for key, value in values.items()}
    return values
