"""Results of Bowles et al. 2021 (arXiv 2012.01248) on their test sets.

The results are pooled over 360 random transforms of every test image, in batches of 16.
"""

from dataclasses import dataclass

from .catalogue import Entry

NORMALIZATIONS = ("softmax", "sigmoid", "std_mean_norm", "range_norm")
"""Rows of the paper's grid."""

AGGREGATIONS = ("mean", "concat", "deep_sup", "ft")
"""Columns of the paper's grid."""

ACCURACY_TOLERANCE = 1.0
"""Largest difference from the published accuracies, percentage points."""

AUC_TOLERANCE = 0.015
"""Largest difference from the published AUC."""


@dataclass(frozen=True)
class PublishedResult:
    """Published accuracy in %, AUC, and recalls of FRI and FRII (None if not published)."""

    accuracy: float
    auc: float
    recall: tuple[float, float] | None = None


PROPOSED = {
    "mirabest": PublishedResult(84.4, 0.920, (0.754, 0.927)),
    "mirabest-confident": PublishedResult(91.7, 0.964, (0.940, 0.896)),
    "frdeep": PublishedResult(88.5, 0.894, (0.873, 0.895)),
}
"""Results of the proposed network, by training and test data."""

BY_GATES = {
    0: PublishedResult(86.6, 0.932),
    1: PublishedResult(84.5, 0.899),
    2: PublishedResult(87.2, 0.939),
    3: PROPOSED["mirabest"],
}
"""Results of range_norm and ft on MiraBest, by number of gates."""

_GRID = {
    "softmax": ((85.1, 0.919), (87.3, 0.926), (85.4, 0.921), (86.7, 0.924)),
    "sigmoid": ((83.7, 0.842), (83.8, 0.840), (80.2, 0.808), (86.7, 0.921)),
    "std_mean_norm": ((72.0, 0.721), (79.9, 0.800), (63.1, 0.634), (66.4, 0.669)),
    "range_norm": ((80.1, 0.846), (81.8, 0.872), (83.8, 0.912), (84.3, 0.919)),
}

GRID = {
    (normalization, aggregation): PublishedResult(*values)
    for normalization, row in _GRID.items()
    for aggregation, values in zip(AGGREGATIONS, row, strict=True)
}
"""Results of three gates on MiraBest, by (normalization, aggregation)."""

MISCLASSIFIED = (2, 26, 53, 56, 65, 67, 71, 138)
"""Rows of MiraBest's test set without hybrids that the proposed network gets wrong in at
least 95 % of 1000 transforms."""

MISCLASSIFIED_THRESHOLD = 0.95


CHAPTERS = {
    1: "The proposed network on three data sets",
    2: "Normalization and aggregation on MiraBest",
    3: "Number of gates on MiraBest",
}
"""The published tables, by the number of their experiment."""


def is_second_training(entry: Entry) -> bool:
    """Return whether a network is the second published one of the proposed configuration.

    Two networks of range_norm and ft on MiraBest are published. The grid of the paper shows the
    results of experiment 1 (within the Monte Carlo error). The results of the second one are not
    in the paper.
    """
    return entry.experiment == 2 and (entry.normalization, entry.aggregation) == (
        "range_norm",
        "ft",
    )


def published_results(entry: Entry) -> dict[int, PublishedResult]:
    """Return the published results of a network by chapter; empty for other networks."""
    if entry.experiment == 1:
        results = {1: PROPOSED[entry.data]}
        if entry.data == "mirabest":
            results |= {2: GRID["range_norm", "ft"], 3: BY_GATES[3]}
        return results
    if entry.experiment == 2 and not is_second_training(entry):
        return {2: GRID[entry.normalization, entry.aggregation]}
    if entry.experiment == 3:
        return {3: BY_GATES[entry.gates]}
    return {}
