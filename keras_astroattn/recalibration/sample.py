"""Choose the sources to label: a random part for estimates, an uncertain part for learning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

SAMPLES = ("stratified", "random", "uncertain")
"""Ways to choose; the first one is the default."""

RANDOM, UNCERTAIN = "random", "uncertain"
"""Parts of a sample, as in the column `part` of a file of labels."""


@dataclass(frozen=True)
class Chosen:
    """A source to label.

    Attributes:
        row: its row in the table, from 0.
        part: "random" or "uncertain".
        inclusion: probability with which the random part includes it; None in the other part.
    """

    row: int
    part: str
    inclusion: float | None


def choose_sample(
    labels: Sequence[str],
    probabilities: np.ndarray,
    how: str = SAMPLES[0],
    count: int = 200,
    seed: int = 0,
) -> list[Chosen]:
    """Choose sources to label among those that the network classified.

    `random` draws all sources with equal probability. `uncertain` takes those with the most even
    probabilities; they say nothing about the whole table. `stratified` draws half of the sources
    at random, the same number from each label as far as possible, then takes the most uncertain
    ones of the others.

    Args:
        labels: (n,) label of each source.
        probabilities: (n, 2) P(FRI) and P(FRII); NaN if the network did not classify the source.
        how: one of `SAMPLES`.
        count: number of sources; all, if there are fewer.
        seed: seed of the draw.

    Returns:
        The random part in random order, then the uncertain part, the most uncertain source first.

    Raises:
        InputError: `how` is unknown, or no source is classified.
    """
    if how not in SAMPLES:
        raise InputError(f"{how} is no way to choose: give {', '.join(SAMPLES)}")
    known = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    if not known.size:
        raise InputError("the table has no source with a class: there is nothing to label")
    random = np.random.default_rng(seed)
    drawn: list[Chosen] = []
    if how == "random":
        drawn = _draw(known, min(count, known.size), random)
    elif how == "stratified":
        names = np.asarray(labels)[known]
        strata = [known[names == name] for name in sorted(set(names.tolist()))]
        sizes = equal_shares([len(stratum) for stratum in strata], (count + 1) // 2)
        drawn = [
            one
            for stratum, size in zip(strata, sizes, strict=True)
            for one in _draw(stratum, size, random)
        ]
        drawn = [drawn[place] for place in random.permutation(len(drawn))]
    rest = np.setdiff1d(known, [one.row for one in drawn])
    certainty = np.abs(probabilities[rest, 0] - probabilities[rest, 1])
    most = rest[np.argsort(certainty, kind="stable")][: count - len(drawn)]
    return drawn + [Chosen(int(row), UNCERTAIN, None) for row in most if how != "random"]


def equal_shares(sizes: Sequence[int], count: int) -> list[int]:
    """Divide `count` among groups as equally as their sizes allow.

    Args:
        sizes: number of members of each group.
        count: number to divide.

    Returns:
        The share of each group; the sum is `count`, or all members.

    Example:
        >>> equal_shares([100, 4, 100], 30)
        [13, 4, 13]
    """
    shares = [0] * len(sizes)
    left = min(count, sum(sizes))
    for done, place in enumerate(sorted(range(len(sizes)), key=lambda one: sizes[one])):
        shares[place] = min(sizes[place], left // (len(sizes) - done))
        left -= shares[place]
    return shares


def _draw(rows: np.ndarray, count: int, random: np.random.Generator) -> list[Chosen]:
    taken = random.choice(rows, count, replace=False)
    return [Chosen(int(row), RANDOM, count / len(rows)) for row in taken]
