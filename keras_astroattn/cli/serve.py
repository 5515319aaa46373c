"""`astroattn serve`: browse and label a table of millions of sources in the browser."""

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import Ended
from keras_astroattn.edge import read_calibration
from keras_astroattn.errors import InputError

from .options import CalibrationFile, ImageFlags
from .report_maps import MadeWith
from .result_files import beside


def serve(  # noqa: D417 - the others are described in `options`
    result: Path,
    /,
    *,
    labels: Path | None = None,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8100,
    choose: Literal["stratified", "random", "uncertain"] = "stratified",
    to_label: Annotated[int, Parameter(validator=Number(gte=0))] = 200,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    model: str | None = None,
    calibration: CalibrationFile = None,
    opening: ImageFlags = ImageFlags(),
) -> None:
    """Browse and label a table of classified sources in the browser, until Ctrl-C.

    The page is that of `astroattn report`, for any number of sources: rows are filtered and
    pictures are cut from the maps when the page asks for them. Each label is on the disk before
    the server answers. Open the printed address, which holds a secret token.

    Args:
        result: File of `astroattn classify`, folder of `astroattn survey`, or file of
            `astroattn survey-summary --export`.
        labels: File of the labels, which may exist. By default, the name of the table with the
            suffix .labels.csv.
        host: Address to listen on. Only this machine reaches 127.0.0.1. With another address,
            everybody who reaches this machine and knows the token sees the sources, and the
            connection is not encrypted.
        port: Port to listen on; 0: any free one.
        choose: Sources to label. stratified: half at random from each label, half the most
            uncertain. random: at random. uncertain: the most uncertain.
        to_label: Number of sources to label.
        seed: Seed of the random draws.
        model: Name of a preset or path of a .tflite file. By default, the model of the table.
    """
    for package in ("starlette", "uvicorn", "pyarrow"):
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"astroattn serve needs {package}: pip install 'keras-astroattn[serve]'"
            )
    from keras_astroattn.serve import LOCAL, listen, run, web_application

    from .serve_sources import open_served

    made_with = MadeWith(
        model,
        None,
        None if calibration is None else read_calibration(calibration),
        opening.arguments(),
    )
    labels = labels or beside(result, ".labels.csv")
    console = Console(soft_wrap=True, highlight=False)
    with (
        listen(host, port) as opened,
        open_served(result, labels, made_with, choose, to_label, seed) as served,
    ):
        if served.labels.dropped:
            text = served.labels.dropped[:80]
            console.print(f"{labels}: an incomplete last line is left out: {text!r}", markup=False)
        console.print(
            f"{result}: {len(served.table):,} sources; labels are written to {labels}", markup=False
        )
        if host not in LOCAL:
            console.print(
                f"listening on {host}: everybody who reaches this machine and knows the address "
                "sees the sources and can label them; the connection is not encrypted",
                markup=False,
            )
        try:
            run(web_application(served), opened, host, lambda address: _announce(console, address))
        except Ended:
            raise
        except KeyboardInterrupt:
            pass  # Ctrl-C is the way to end it
        console.print(f"stopped: {served.labels.count} labels in {labels}", markup=False)


def _announce(console: Console, address: str) -> None:
    console.print(f"open {address} (Ctrl-C ends)", markup=False, soft_wrap=True)
