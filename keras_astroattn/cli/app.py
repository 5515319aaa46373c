"""The `astroattn` command."""

import sys

import cyclopts

from keras_astroattn.command import run_app

app = cyclopts.App(
    name="astroattn",
    help="Classify radio galaxies (FRI or FRII) and show where the network looked.",
    version_flags=["--version"],
)
# Named, not imported: a command is loaded when it is called. So its help stands here.
for _command, _help in {
    "demo": "Classify three simulated maps that come with the package.",
    "classify": """Classify radio sources in image files as FRI or FRII.

        Ends with status 0 if any image could be classified (an image that cannot be read is
        a row with an error), and 2 if none could.""",
    "survey": """Classify every source of a catalogue from the tiles of its survey.

        The result is a folder of Parquet files, one a chunk, in which every row of the
        catalogue stands once: its own columns, then those of `astroattn classify` with the
        prefix aa_. A row that cannot be scored says why. A run that was interrupted goes on
        with --resume to the same table. `astroattn check` says beforehand what to expect.""",
    "check": "Look at a catalogue and its tiles before a survey is scored.",
    "survey-summary": "Show what a survey found, and write it as one table.",
    "info": "Show what a model says of itself.",
    "benchmark": "Time a model on this machine.",
}.items():
    _name = _command.replace("-", "_")
    app.command(f"keras_astroattn.cli.{_name}:{_name}", name=_command, help=_help)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run_app(app))
