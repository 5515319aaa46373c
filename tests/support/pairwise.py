"""Few combinations of many options that hold every pair of their values."""

from itertools import combinations, product


def pairs(options: dict, row: dict) -> set:
    """The pairs of (option, value) that a combination holds."""
    items = [(name, row[name]) for name in options]
    return set(combinations(items, 2))


def pairwise(options: dict[str, tuple]) -> list[dict]:
    """Combinations that hold every value of each option early on, and every pair in all.

    Greedy and deterministic: each row is the combination with most pairs not yet seen.
    """
    rows = [dict(zip(options, values, strict=True)) for values in product(*options.values())]
    missing = set().union(*(pairs(options, row) for row in rows))
    chosen = []
    while missing:
        best = max(rows, key=lambda row: len(pairs(options, row) & missing))
        missing -= pairs(options, best)
        chosen.append(best)
    return chosen
