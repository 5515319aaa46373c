"""The experiment `all`: every network in one table."""

from keras_astroattn.report import csv_table, results_markdown

from .session import Session, evaluation_records

REMARKS = (
    "Pooled: all predictions of each image under that number of random transforms (the protocol "
    "of the paper). Clean: one pass over the original images.",
    "Per batch: attention is normalized over 16 consecutive images, as in the paper. The class "
    "of an image then depends on its neighbours. Per image: attention is normalized over each "
    "image, which is recommended. Where neither is named, the normalization depends on one image "
    "only.",
    "Brackets hold 95 % intervals over sources: the change of the figure if other sources were "
    "drawn, for the same network.",
)
"""Explanations for the readers of a results table."""


def run(session: Session) -> None:
    """Evaluate every network on the sources of its data set."""
    rows = evaluation_records(session.measure(session.entries))
    session.write("results.csv", csv_table(rows))
    session.write("results.md", results_markdown("Every network", REMARKS, rows))
