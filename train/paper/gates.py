"""Experiment 3: none to three gates."""

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.plots import map_grid
from keras_astroattn.report import csv_table, results_markdown

from .catalogue import Entry, of_experiments
from .datasets import comparison
from .every_model import REMARKS
from .session import Session, evaluation_records


def run(session: Session) -> None:
    """Evaluate by number of gates, and draw the map of each gate of an FRI and an FRII."""
    measured = session.measure(gate_entries(session.entries))
    measured.sort(key=lambda one: (one.entry.gates, one.entry.seed))
    rows = evaluation_records(measured)
    session.write("results.csv", csv_table(rows))
    session.write("results.md", results_markdown("Experiment 3: gates", REMARKS, rows))

    shown = {}
    for one in measured:
        shown.setdefault(one.entry.gates, one)
    names = [f"{gates} gate{'' if gates == 1 else 's'}" for gates in shown]
    session.save(comparison(list(shown.values()), names, chapter=3), "metrics")

    gated = {gates: one for gates, one in shown.items() if gates}
    if not gated:
        session.say("no network has a gate: no maps")
        return
    examples = session.examples(measured[0].entry.data)
    most = max(gated)
    for place, label in enumerate(examples.label):
        maps = []
        for gates, one in gated.items():
            alone = one.passes["sample"]
            row = [maps_of_gate[place] for maps_of_gate in alone.examples]
            maps.append([*row, *[None] * (most - gates), alone.example_mean()[place]])
        figure = map_grid(
            maps,
            [name for name, gates in zip(names, shown, strict=True) if gates],
            [*(f"gate {gate}" for gate in range(1, most + 1)), "mean"],
            image=examples.image[place],
        )
        session.save(figure, f"attention_{CLASS_NAMES[label]}")


def gate_entries(entries: list[Entry]) -> list[Entry]:
    """Return the networks that differ in the number of gates: range_norm and ft on MiraBest.

    Among runs, these are the networks of the normalization, aggregation and data set with the
    most numbers of gates, and the network without gates.

    Raises:
        InputError: There is none.
    """
    entries = of_experiments(entries, 1, 3)
    groups: dict[tuple, list[Entry]] = {}
    for entry in entries:
        if entry.gates:
            groups.setdefault((entry.normalization, entry.aggregation, entry.data), []).append(
                entry
            )
    if not groups:
        raise InputError("no network has a gate: train some with 1, 2 and 3 gates")

    def rank(key: tuple) -> tuple:
        different = len({entry.gates for entry in groups[key]})
        return (different, key[:2] == ("range_norm", "ft"), key[2] == "mirabest", *key)

    chosen = max(groups, key=rank)
    without = [entry for entry in entries if not entry.gates and entry.data == chosen[2]]
    return without + groups[chosen]
