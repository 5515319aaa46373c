"""Experiment 4: mean images and mean attention over all augmented views."""

from collections.abc import Callable

import numpy as np

from keras_astroattn.evaluation import attention_statistics
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.plots import attention_figure, attention_progress, map_grid
from keras_astroattn.plots.style import SOURCE_COLOURS
from keras_astroattn.report import Record, csv_table, markdown_table, network_title

from .aggregation import TITLES, arrange, grid_entries, grid_names
from .catalogue import proposed
from .datasets import first_seeds
from .passes import ScopePass
from .session import Measurement, Session

SOURCE_LEVEL = 0.1
"""Share of the maximum above which a pixel of a mean image belongs to the source."""

REMARKS = (
    "Means over all augmented views of all sources. Attention is "
    "normalized as in the training of the network (per batch of 16 in the paper).",
    f"For each mean attention map: share on the mean source (pixels above {SOURCE_LEVEL:g} of the "
    "mean image's maximum), enrichment (share over area; the empty sky is preferred below 1), and "
    "root-mean-square radius, with that of the mean image.",
)


def run(session: Session) -> None:
    """Draw mean images and maps by class, gate, epoch, grid, and true and predicted class."""
    (one, *_) = first_seeds(session.measure(_on_one_data_set(session)))
    epochs = sorted(one.entry.epochs)
    by_epoch = session.measure([one.entry], epochs) if len(epochs) > 1 else []
    grid = _grid(session)

    others = [each for each in grid if each.entry is not one.entry]
    rows = [row for each in (*(by_epoch or [one]), *others) for row in _rows(each)]
    session.write("results.csv", csv_table(rows))
    session.write("results.md", _markdown(rows))
    _draw_classes(session, one.main)
    _draw_confusion(session, one.main)
    if by_epoch:
        for label, name in enumerate(CLASS_NAMES):
            maps = {each.epoch: each.main.mean_over_gates(label) for each in by_epoch}
            figure = attention_progress(
                one.main.mean_image(label), maps, label, shared_scale=False, source="mean source"
            )
            session.save(figure, f"epochs_{name}")
    else:
        session.say(f"{one.entry.name} keeps one epoch: no figure by epoch")
    if len(grid) > 1:
        names = grid_names(grid)
        for label, name in enumerate(CLASS_NAMES):
            maps = arrange(grid, names, lambda each, label=label: each.main.mean_over_gates(label))
            session.save(map_grid(maps, *names, label="mean attention", **TITLES), f"grid_{name}")


def _on_one_data_set(session: Session):
    entries = [entry for entry in proposed(session.entries) if entry.gates]
    mirabest = [entry for entry in entries if entry.data == "mirabest"]
    return mirabest or entries


def _grid(session: Session) -> list[Measurement]:
    """Return the networks of the grid; none if all have fewer than three gates."""
    if not any(entry.gates == 3 for entry in session.entries):
        return []
    return session.measure(grid_entries(session.entries))


def _draw_classes(session: Session, main: ScopePass) -> None:
    gates = [np.stack(maps) for maps in zip(*map(main.mean_attention, (0, 1)), strict=True)]
    figure = attention_figure(
        np.stack([main.mean_image(label) for label in (0, 1)]),
        gates,
        np.stack([main.mean_over_gates(label) for label in (0, 1)]),
        (0, 1),
        source="mean source",
    )
    session.save(figure, "classes")


def _draw_confusion(session: Session, main: ScopePass) -> None:
    """Draw mean image and mean attention map by true class (rows) and predicted class."""

    def cells(value: Callable) -> list[list[np.ndarray | None]]:
        return [[value(true, predicted) for predicted in (0, 1)] for true in (0, 1)]

    for name, value, look in (
        (
            "image",
            main.mean_image,
            {"label": "mean brightness", "gamma": 0.5, "colours": SOURCE_COLOURS},
        ),
        ("attention", main.mean_over_gates, {"label": "mean attention"}),
    ):
        figure = map_grid(
            cells(value),
            CLASS_NAMES,
            CLASS_NAMES,
            shared_scale=True,
            row_title="true class",
            column_title="predicted class",
            **look,
        )
        session.save(figure, f"confusion_{name}")


def _rows(one: Measurement) -> list[Record]:
    rows = []
    for true, true_name in enumerate(CLASS_NAMES):
        for predicted, predicted_name in ((None, "any"), *enumerate(CLASS_NAMES)):
            image = one.main.mean_image(true, predicted)
            if image is None:
                continue
            counts = one.main.counts[true]
            row = one.entry.columns() | {
                "epoch": max(one.entry.epochs, default="") if one.epoch is None else one.epoch,
                "true": true_name,
                "predicted": predicted_name,
                "views": int(counts.sum() if predicted is None else counts[predicted]),
            }
            source = (image > SOURCE_LEVEL * image.max())[np.newaxis]
            maps = one.main.mean_over_gates(true, predicted)
            lies = attention_statistics(image[np.newaxis], maps[np.newaxis], source)
            for name in ("share", "enrichment", "radius", "source_radius"):
                row[name] = float(getattr(lies, name)[0])
            rows.append(row)
    return rows


def _markdown(rows: list[Record]) -> str:
    headers = ["network", "epoch", "true", "predicted", "views"]
    headers += ["share on source", "enrichment", "radius ″", "source's radius ″"]
    cells = (
        [
            network_title(row),
            str(row["epoch"]),
            row["true"],
            row["predicted"],
            str(row["views"]),
            f"{row['share']:.3f}",
            f"{row['enrichment']:.2f}",
            f"{row['radius']:.0f}",
            f"{row['source_radius']:.0f}",
        ]
        for row in rows
    )
    text = "# Experiment 4: distributions of attention\n\n"
    text += "".join(f"{remark}\n\n" for remark in REMARKS)
    return text + markdown_table(headers, cells, text=4)
