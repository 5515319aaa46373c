"""A small image server on this machine that speaks the protocols of `astroattn fetch`.

SkyView, hips2fits and the cutouts of lofar-surveys.org answer with a map of the field that was
asked for; SIA2, DataLink and SODA lead to one in three steps, as CADC does. `casda_service` has
CASDA's jobs.
"""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import numpy as np
from astropy.io import fits

from support.casda_service import CasdaService
from support.synthetic_maps import celestial_header, gaussian, noise

BLANK_DECLINATION = 80.0
"""North of it the server's maps are all NaN."""

TAB_CARD = b"COMMENT a tab:\there, as in SkyView's headers".ljust(80)


class SurveyServer:
    """The server, for a `with` block.

    Attributes:
        url: its address.
        requests: (path, query by name, headers) of each request, in order.
        faults: what happens to the next requests of cutouts: functions of the handler; None: a
            right answer.
        casda: what CASDA's part answers.
    """

    def __init__(self):
        self.requests: list[tuple[str, dict, dict]] = []
        self.faults: list[Callable | None] = []
        self.casda = CasdaService()
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"state": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "SurveyServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path: str) -> list[dict]:
        """The queries of a path."""
        return [query for where, query, _ in self.requests if where == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_) -> None:
        """Print nothing when a client ends the connection."""


class _Handler(BaseHTTPRequestHandler):
    state: SurveyServer

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        state = self.state
        answers = {
            "/skyview": _skyview, "/hips2fits": _hips2fits, "/dr2-cutout.fits": _lotss,
            "/sia": _sia, "/datalink": _datalink, "/soda/sync": _soda,
        }  # fmt: skip
        if parts.path.startswith("/casda/"):
            answers[parts.path] = lambda handler, query: self._answer_as_casda("GET", query)
        with state.lock:
            state.requests.append((parts.path, query, dict(self.headers)))
            is_cutout = parts.path not in ("/sia", "/datalink")
            is_cutout &= parts.path.endswith(".fits") or not parts.path.startswith("/casda/")
            fault = state.faults.pop(0) if is_cutout and state.faults else None
        if fault is not None:
            fault(self)
        elif parts.path in answers:
            answers[parts.path](self, query)
        else:
            answer(self, b"no such page", status=404, kind="text/plain")

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        texts = "&".join(filter(None, (parts.query, form)))
        query = {name: values[0] for name, values in parse_qs(texts).items()}
        with self.state.lock:
            self.state.requests.append((parts.path, query, dict(self.headers)))
        self._answer_as_casda("POST", query)

    def _answer_as_casda(self, method: str, query: dict) -> None:
        path, authorization = urlsplit(self.path).path, self.headers.get("Authorization")
        with self.state.lock:
            status, body, headers = self.state.casda.respond(
                self.state.url, method, path, query, authorization
            )
        answer(self, body, status, "application/octet-stream", **headers)


def answer(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    status: int = 200,
    kind: str = "image/fits",
    length: int | None = None,
    **headers: str,
) -> None:
    """Send an answer; `length` is what its header says in place of the true one."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def map_bytes(ra: float, dec: float, pixels: int, scale: float, **cards) -> bytes:
    """A map of two lobes in noise, without a beam, with a card that astropy cannot write."""
    shape = (pixels, pixels)
    middle = (pixels - 1) / 2
    data = noise(shape, seed=int(ra * 10)) + sum(
        gaussian(shape, middle + side * 8, middle, 3 * scale, peak=0.05, scale=scale)
        for side in (-1, 1)
    )
    if dec > BLANK_DECLINATION:
        data[:] = np.nan
    header = celestial_header(shape, ra, dec, scale, beam=None, **cards)
    header["COMMENT"] = "TAB"
    file = BytesIO()
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(file)
    return file.getvalue().replace(b"COMMENT TAB".ljust(80), TAB_CARD)


def _skyview(handler, query) -> None:
    ra, dec = map(float, query["Position"].split())
    pixels = int(query["Pixels"].split(",")[0])
    scale = float(query["Size"].split(",")[0]) * 3600 / pixels
    named = {"VLA FIRST (1.4 GHz)": "FIRST"}.get(query["Survey"], query["Survey"])
    answer(handler, map_bytes(ra, dec, pixels, scale, SURVEY=named, TELESCOP="VLA"))


def _hips2fits(handler, query) -> None:
    pixels = int(query["width"])
    scale = float(query["fov"]) * 3600 / pixels
    header = {"BUNIT": ""}  # hips2fits states no unit
    answer(
        handler,
        map_bytes(float(query["ra"]), float(query["dec"]), pixels, scale, **header),
        kind="application/octet-stream",
    )


def _lotss(handler, query) -> None:
    ra, dec = map(float, query["pos"].split())
    if dec < 20:
        answer(handler, b"<html><h1>Cutout</h1>No suitable mosaic found</html>", kind="text/html")
        return
    pixels = round(float(query["size"]) * 60 / 1.5)
    beam = {"BMAJ": 6 / 3600, "BMIN": 6 / 3600, "BPA": 0.0}
    answer(handler, map_bytes(ra, dec, pixels, 1.5, **beam))


_FIELDS = (
    '<FIELD name="obs_collection" datatype="char" arraysize="*"/>'
    '<FIELD name="access_url" datatype="char" arraysize="*"/>'
    '<FIELD name="calib_level" datatype="int"/><FIELD name="t_min" datatype="double"/>'
)


def _votable(handler, content: str) -> None:
    text = f'<?xml version="1.0"?>\n<VOTABLE version="1.3">{content}</VOTABLE>'
    answer(handler, text.encode(), kind="application/x-votable+xml")


def _sia(handler, query) -> None:
    _, _, dec, _ = query["POS"].split()
    epochs = (("1.1", 58000.0), ("3.1", 60000.0), ("2.1", 59000.0)) if float(dec) > -40 else ()
    rows = "".join(
        f"<TR><TD>VLASS</TD><TD>{handler.state.url}/datalink?ID=VLASS{epoch}</TD><TD>2</TD>"
        f"<TD>{begin}</TD></TR>"
        for epoch, begin in epochs
    )
    _votable(
        handler,
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>'
        f"<TABLE>{_FIELDS}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>",
    )


def _datalink(handler, query) -> None:
    """The map and its noise, each cut out by a service at once or later, as CADC lists them."""
    names = [
        f"nrao:VLASS/{query['ID']}.ql.T01t01.10.2048.v1.I.iter1.image.pbcor.tt0.{kind}.fits"
        for kind in ("rms.subim", "subim")
    ]
    rows, services = "", ""
    for number, name in enumerate(names):
        for how in ("async", "sync"):
            service = f"soda-{how}-{number}"
            rows += f"<TR><TD>x</TD><TD/><TD>{service}</TD><TD/><TD>#cutout</TD></TR>"
            services += (
                f'<RESOURCE type="meta" ID="{service}" utype="adhoc:service">'
                '<PARAM name="standardID" datatype="char" arraysize="*" '
                f'value="ivo://ivoa.net/std/SODA#{how}-1.0"/>'
                '<PARAM name="accessURL" datatype="char" arraysize="*" '
                f'value="{handler.state.url}/soda/{how}"/>'
                '<GROUP name="inputParams">'
                f'<PARAM name="ID" datatype="char" arraysize="*" value="{name}"/>'
                '<PARAM name="CIRCLE" datatype="double" arraysize="3" value=""/>'
                "</GROUP></RESOURCE>"
            )
    fields = "".join(
        f'<FIELD name="{name}" datatype="char" arraysize="*"/>'
        for name in ("ID", "access_url", "service_def", "error_message", "semantics")
    )
    _votable(
        handler,
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>{services}",
    )


def _soda(handler, query) -> None:
    ra, dec, radius = map(float, query["CIRCLE"].split())
    if dec < -30:  # an image that the circle misses
        answer(handler, b"", status=204)
        return
    beam = {"BMAJ": 2.9 / 3600, "BMIN": 2.3 / 3600, "BPA": 30.0}
    answer(handler, map_bytes(ra, dec, round(radius * 2 * 3600), 1.0, **beam))


def refused(status: int, **headers: str) -> Callable:
    """A fault: an answer with this status."""
    return lambda handler: answer(handler, b"busy", status, "text/plain", **headers)


def page(text: str) -> Callable:
    """A fault: a page in place of a map."""
    return lambda handler: answer(handler, text.encode(), kind="text/html")


def cut_off(handler) -> None:
    """A fault: the connection ends in the middle of the map."""
    body = map_bytes(180.0, 30.0, 60, 1.8)
    answer(handler, body[:5000], length=len(body))
    handler.close_connection = True


def shortened(handler) -> None:
    """A fault: half of a map, which the server takes for the whole."""
    answer(handler, map_bytes(180.0, 30.0, 60, 1.8)[:5000])


def silent(handler) -> None:
    """A fault: no answer for a second."""
    time.sleep(1.0)
