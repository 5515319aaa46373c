"""The web application of `astroattn serve`: the page, rows of sources, pictures and labels.

Clients name sources by their numbers in the table, and never a path.
"""

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from keras_astroattn.errors import InputError
from keras_astroattn.recalibration import LABELS, Chosen
from keras_astroattn.report.html_report import Shown

from .label_file import LabelFile
from .sources import ORDERS, Query, SourceTable

PAGE_ROWS = 500
"""Number of sources of a page of rows."""

MOST_SENT = 100_000
"""Largest number of sources that are sent to other programs."""

PARTS = ("chosen", "random", "uncertain", "unlabelled", "labelled")
"""Parts of the table to filter by, as the page names them."""

ANONYMOUS = "anonymous"
"""Labeller without a name."""

_KEPT_PICTURES = 4096
_LONGEST_BODY = 10_000  # bytes
_LONGEST_TEXT = 200
_LONGEST_LABELLER = 80
_MOST_DIGITS = 12


@dataclass(frozen=True)
class Served:
    """What the application serves.

    Attributes:
        table: the sources.
        chosen: the sources to label, by number.
        labels: the file of labels.
        shown: returns the sources of some rows, without pictures.
        drawn: returns the source of a row with its pictures.
        page: returns the page as HTML.
        send: sends the sources of some rows to other programs, and returns their names.
    """

    table: SourceTable
    chosen: Mapping[int, Chosen]
    labels: LabelFile
    shown: Callable[[Sequence[int]], Sequence[Shown]]
    drawn: Callable[[int], Shown]
    page: Callable[[], str]
    send: Callable[[Sequence[int]], Sequence[str]]


def web_application(served: Served) -> Starlette:
    """Return the application; `access.Access` must guard it."""
    handlers = _Handlers(served)
    return Starlette(
        routes=[
            Route("/", handlers.page),
            Route("/sources", handlers.sources),
            Route("/pictures/{row}", handlers.pictures),
            Route("/labels", handlers.label, methods=["POST"]),
            Route("/undo", handlers.undo, methods=["POST"]),
            Route("/labels.csv", handlers.download),
            Route("/send", handlers.send, methods=["POST"]),
        ],
        exception_handlers={InputError: _unusable},
    )


async def _unusable(request: Request, error: Exception) -> Response:
    return PlainTextResponse(" ".join(str(error).split()), 500)


class _NoPicture(Exception):
    """A source has no picture, which is not kept: its map may be there later."""

    def __init__(self, shown: Shown):
        super().__init__()
        self.shown = shown


class _Handlers:
    """Answers to requests. Functions that are no coroutines run in threads of their own."""

    def __init__(self, served: Served):
        self._served = served
        self._kept = lru_cache(_KEPT_PICTURES)(self._drawn)
        self._page_lock = threading.Lock()

    def page(self, request: Request) -> Response:
        with self._page_lock:  # the summary of the table is computed once
            return HTMLResponse(self._served.page())

    def sources(self, request: Request) -> Response:
        """Return a page of rows of a query."""
        page = _number(request.query_params.get("page", "0"), 400)
        found, mine = self._found(request.query_params)
        rows = found[page * PAGE_ROWS : (page + 1) * PAGE_ROWS].tolist()
        return JSONResponse(
            {
                "count": len(found),
                "page_rows": PAGE_ROWS,
                "numbers": rows,
                "sources": [one.row() for one in self._served.shown(rows)],
                "mine": [mine.get(row) for row in rows],
                "labelled": len(mine),
            }
        )

    def pictures(self, request: Request) -> Response:
        """Return a source with its pictures."""
        row = _number(request.path_params["row"])
        if row >= len(self._served.table):
            raise HTTPException(404, "There is no such source.")
        try:
            shown = self._kept(row)
        except _NoPicture as error:
            shown = error.shown
        return JSONResponse(shown.row())

    def _drawn(self, row: int) -> Shown:
        shown = self._served.drawn(row)
        if shown.picture is None:
            raise _NoPicture(shown)
        return shown

    async def label(self, request: Request) -> Response:
        """Write a label."""
        body = await _body(request)
        row, label = body.get("row"), body.get("label")
        if type(row) is not int or not 0 <= row < len(self._served.table):
            raise HTTPException(404, "There is no such source.")
        if label is not None and label not in LABELS:
            raise HTTPException(400, "There is no such label.")
        labeller = _labeller(body.get("labeller"))
        await run_in_threadpool(self._give, row, label, labeller)
        return JSONResponse({"labelled": len(self._served.labels.of(labeller))})

    async def undo(self, request: Request) -> Response:
        """Take the last change of a labeller back."""
        labeller = _labeller((await _body(request)).get("labeller"))
        row = await run_in_threadpool(self._served.labels.undo, labeller)
        mine = self._served.labels.of(labeller)
        return JSONResponse({"row": row, "label": mine.get(row), "labelled": len(mine)})

    def download(self, request: Request) -> Response:
        """Return the labels that count."""
        name = {"Content-Disposition": 'attachment; filename="labels.csv"'}
        return Response(self._served.labels.csv(), media_type="text/csv", headers=name)

    async def send(self, request: Request) -> Response:
        """Send the sources of a query, at most `MOST_SENT`, to other programs."""
        await _body(request)
        found, _ = await run_in_threadpool(self._found, request.query_params)
        rows = found[:MOST_SENT].tolist()
        if not rows:
            raise HTTPException(400, "There is no source to send.")
        programs = await run_in_threadpool(self._served.send, rows)
        return JSONResponse({"count": len(rows), "programs": list(programs)})

    def _found(self, given: Mapping[str, str]) -> tuple[np.ndarray, Mapping[int, str]]:
        """Return the sources of a query, and the labels of its labeller."""
        part = _one_of(given.get("part", ""), ("", *PARTS), "part")
        mine = self._served.labels.of(_labeller(given.get("labeller", "")))
        return self._served.table.find(_query(given), self._among(part, mine)), mine

    def _give(self, row: int, label: str | None, labeller: str) -> None:
        (source,) = self._served.table.result([row]).sources
        self._served.labels.give(row, source, label, labeller, self._served.chosen.get(row))

    def _among(self, part: str, mine: Mapping[int, str]) -> np.ndarray | None:
        """Return which sources are of a part, (n,) bool; None for all."""
        if not part:
            return None
        rows = {
            "labelled": lambda: list(mine),
            "unlabelled": lambda: [row for row in self._served.chosen if row not in mine],
            "chosen": lambda: list(self._served.chosen),
        }.get(part, lambda: [row for row, one in self._served.chosen.items() if one.part == part])
        among = np.zeros(len(self._served.table), bool)
        among[rows()] = True
        return among


def _query(given: Mapping[str, str]) -> Query:
    return Query(
        label=_text(given.get("label", "")),
        flag=_text(given.get("flag", "")),
        snr=_least(given.get("snr", "")),
        size=_least(given.get("size", "")),
        name=_text(given.get("name", "")),
        order=_one_of(given.get("order", ORDERS[0]), ORDERS, "order"),
    )


def _text(given: str) -> str:
    if len(given) > _LONGEST_TEXT:
        raise HTTPException(400, "A text is too long.")
    return given


def _one_of(given: str, allowed: Sequence[str], what: str) -> str:
    if given not in allowed:
        raise HTTPException(400, f"There is no such {what}.")
    return given


def _least(given: str) -> float | None:
    try:
        value = float(given) if given else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise HTTPException(400, "A limit is no number.")
    return value


def _number(given: str, status: int = 404) -> int:
    """Return a number from 0; an `HTTPException` of this status otherwise."""
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS):
        raise HTTPException(status, "This is no number of a source or page.")
    return int(given)


def _labeller(given: object) -> str:
    if not isinstance(given, str) or len(given) > _LONGEST_LABELLER:
        raise HTTPException(400, "The name of the labeller is missing or too long.")
    if not given.isprintable():  # line ends and characters that are none in UTF-8
        raise HTTPException(400, "The name of the labeller holds control characters.")
    return given.strip() or ANONYMOUS


async def _body(request: Request) -> dict:
    """Return the JSON object of a request."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "The body must be application/json.")
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _LONGEST_BODY:
            raise HTTPException(413, "The body is too long.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is no JSON.") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "The body is no JSON object.")
    return found
