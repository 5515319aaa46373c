"""`all`: every network of a folder in one table, extended when a network is added."""

from keras_astroattn.report import csv_table, results_markdown

from .session import Session, evaluation_records

REMARKS = (
    "Pooled: every image under so many random transforms, all predictions together (the "
    "paper's protocol). Clean: one pass over the images as they are.",
    "Per batch: attention normalized over 16 consecutive images, as the paper did; there an "
    "image's class depends on its neighbours. Per image: each image by itself, which is what "
    "to prefer. Where neither is named, the normalization looks at one image anyway.",
    "In brackets, 95 % intervals over sources: how another draw of sources would change the "
    "figure of this very network.",
)
"""What a reader of a results table needs to know."""


def run(session: Session) -> None:
    """Evaluate every network on sources of the data set it was trained on."""
    rows = evaluation_records(session.measure(session.entries))
    session.write("results.csv", csv_table(rows))
    session.write("results.md", results_markdown("Every network", REMARKS, rows))
