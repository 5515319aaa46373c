"""CASDA's part of the image server: SIA2, DataLink with a login, and jobs that cut out (UWS)."""

import base64
import dataclasses
import hashlib
import zlib
from io import BytesIO
from urllib.parse import quote

from astropy.io import fits

from keras_astroattn.fetch.surveys import SERVICES
from support.synthetic_maps import celestial_header, noise

USER, PASSWORD = "astronomer@example.org", "pass:w\N{LATIN SMALL LETTER L WITH STROKE}rd"
TOKEN = "a secret/of cube-1"

_RELEASED = "2021-01-01T00:00:00.000Z"
_NEVER = "2999-01-01T00:00:00.000Z"
_EMU = "EMU_1159-51.SB"
# Name of the file, right ascension and declination of the middle, begin, release, quality.
# fmt: off
RACS = [
    ("RACS-DR1_1200-49A.fits", 183.0, -50.0, 58600.0, _RELEASED, "GOOD"),
    ("RACS-DR1_1201-50A.fits", 180.1, -50.0, 58601.0, _RELEASED, "GOOD"),
    ("RACS-DR1_1201-50A_RMS.fits", 180.0, -50.0, 58601.0, _RELEASED, "GOOD"),
    ("RACS-DR1_1202-50A.fits", 180.0, -50.0, 58601.0, "", "GOOD"),
    ("RACS-DR1_1203-50A.fits", 180.0, -50.0, 58601.0, _NEVER, "GOOD"),
    ("RACS-DR1_1204-50A.fits", 180.0, -50.0, 58601.0, _RELEASED, "BAD"),
]
EMU = [
    (f"image.i.{_EMU}1.cont.taylor.0.restored.conv.fits", 180.0, -50.0, 1.0, _RELEASED, "GOOD"),
    (f"image.i.{_EMU}2.cont.taylor.0.restored.conv.fits", 180.0, -50.0, 2.0, _RELEASED, "GOOD"),
    (f"image.i.{_EMU}3.cont.taylor.1.restored.conv.fits", 180.0, -50.0, 3.0, _RELEASED, "GOOD"),
    (f"image.v.{_EMU}3.cont.taylor.0.restored.conv.fits", 180.0, -50.0, 3.0, _RELEASED, "GOOD"),
    (f"weights.i.{_EMU}3.cont.taylor.0.fits", 180.0, -50.0, 3.0, _RELEASED, "GOOD"),
]
# fmt: on
_FIELDS = {
    "filename": "char",
    "s_ra": "double",
    "s_dec": "double",
    "t_min": "double",
    "obs_release_date": "char",
    "quality_level": "char",
    "access_url": "char",
}  # fmt: skip


class CasdaService:
    """What the server answers.

    Attributes:
        phases: phases of a running job, one for each look at it; the last one stays.
        has_access: whether the user may see the images.
        elsewhere: address in place of the server's own for the services of an image.
        spoilt: whether the checksum is that of another file.
        status: status of the table of images.
    """

    def __init__(self):
        self.phases = ["QUEUED", "EXECUTING", "COMPLETED"]
        self.has_access, self.elsewhere, self.spoilt, self.status = True, None, False, "OK"
        self.image, self.circle, self.file, self.runs = "", "", b"", False

    def respond(self, url, method, path, query, authorization) -> tuple[int, bytes, dict]:
        """Return status, body and headers of an answer."""
        step = path.removeprefix("/casda/")
        if step in ("login", "datalink") and authorization != _authorization():
            return 401, b"<h1>Who are you?</h1>", {}
        if (method, step) == ("POST", "async") and query["ID"] == TOKEN:
            return 303, b"", {"Location": f"{url}/casda/async/job-1"}
        if (method, step) == ("POST", "async/job-1/parameters"):
            self.circle = query["POS"]
            return 303, b"", {"Location": f"{url}/casda/async/job-1"}
        if (method, step) == ("POST", "async/job-1/phase") and query["phase"] == "RUN":
            self.runs = True
            self._cut_out()
            return 200, b"", {}
        pages = {
            "login": lambda: b"available", "sia": lambda: self._images(url, query),
            "datalink": lambda: self._services(url, query),
            "async/job-1": lambda: self._job(url),
            "web/1+2/cutout.fits": lambda: self.file,
            "web/1+2/cutout.fits.checksum": self._checksum,
        }  # fmt: skip
        return (200, pages[step](), {}) if method == "GET" and step in pages else (404, b"", {})

    def _cut_out(self) -> None:
        kind, ra, dec, radius = self.circle.split()
        assert kind == "CIRCLE"
        pixels = round(float(radius) * 2 * 3600 / 2.5)
        shape, beam = (pixels, pixels), (25.0, 25.0, 0.0)
        header = celestial_header(shape, float(ra), float(dec), 2.5, axes=4, beam=beam)
        file = BytesIO()
        fits.PrimaryHDU(noise((1, 1, *shape)), header).writeto(file)
        self.file = file.getvalue()

    def _checksum(self) -> bytes:
        """CRC-32, SHA-1 and length, as `calc_checksum.sh` of CASDA writes them."""
        file = b"x" * self.spoilt + self.file
        return f"{zlib.crc32(file):08x} {hashlib.sha1(file).hexdigest()} {len(file):x}\n".encode()

    def _images(self, url: str, query: dict) -> bytes:
        assert query["POS"].startswith("CIRCLE ")
        southern = float(query["POS"].split()[2]) < 0
        links = f"{self.elsewhere or url}/casda/datalink?ID="
        rows = ""
        for image in RACS + EMU if southern else []:
            cells = "".join(f"<TD>{value}</TD>" for value in (*image, links + image[0]))
            rows += f"<TR>{cells}</TR>"
        return _votable(_FIELDS, rows, self.status)

    def _services(self, url: str, query: dict) -> bytes:
        self.image = query["ID"]
        tokens = ("the whole file", TOKEN) if self.has_access else ("", "")
        rows = "<TR><TD/><TD/><TD/><TD>DefaultFault: no permission</TD><TD>#error</TD><TD/></TR>"
        rows = "" if self.has_access else rows
        rows += "".join(
            f"<TR><TD>cube-1</TD><TD/><TD>{name}</TD><TD/><TD>{word}</TD><TD>{token}</TD></TR>"
            for name, word, token in (
                ("async_service", "#this", tokens[0]),
                ("cutout_service", "#cutout", tokens[1]),
            )
        )
        fields = dict.fromkeys(
            ("ID", "access_url", "service_def", "error_message", "semantics",
             "authenticated_id_token"), "char",
        )  # fmt: skip
        services = "".join(
            f'<RESOURCE type="meta" ID="{name}" utype="adhoc:service">'
            '<PARAM name="standardID" datatype="char" arraysize="*" '
            'value="ivo://ivoa.net/std/SODA#async-1.0"/>'
            f'<PARAM name="accessURL" datatype="char" arraysize="*" value="{url}/casda/async"/>'
            "</RESOURCE>"
            for name in ("async_service", "cutout_service")
        )
        return _votable(fields, rows, "OK", services)

    def _job(self, url: str) -> bytes:
        phase = "PENDING"
        if self.runs:
            phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
        file = quote(f"{url}/casda/web/1+2/cutout.fits", safe="")
        results = "".join(
            f'<uws:result id="cutout{end}" xlink:href="{file}{end}"/>' for end in (".checksum", "")
        )
        return (
            '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
            f'xmlns:xlink="http://www.w3.org/1999/xlink"><uws:phase>{phase}</uws:phase>'
            "<uws:startTime>2020-04-17T08:10:22.793+0800</uws:startTime><uws:results>"
            f"{results if phase == 'COMPLETED' else ''}</uws:results><uws:errorSummary>"
            "<uws:message>no pixels\nthere</uws:message></uws:errorSummary></uws:job>"
        ).encode()


def take_the_place_of_casda(server, monkeypatch) -> None:
    """Let `astroattn fetch` ask this server for CASDA's images."""
    address, login = f"{server.url}/casda/sia", f"{server.url}/casda/login"
    local = dataclasses.replace(SERVICES["casda"], address=address, login=login)
    monkeypatch.setitem(SERVICES, "casda", local)
    monkeypatch.setattr("keras_astroattn.fetch.casda.POLL", 0.01)


def _authorization() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _votable(fields: dict, rows: str, status: str, services: str = "") -> bytes:
    sizes = {"char": ' arraysize="*"', "double": ""}
    named = "".join(
        f'<FIELD name="{name}" datatype="{kind}"{sizes[kind]}/>' for name, kind in fields.items()
    )
    return (
        '<?xml version="1.0"?>\n<VOTABLE version="1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="{status}"/><TABLE>{named}<DATA><TABLEDATA>{rows}'
        f"</TABLEDATA></DATA></TABLE></RESOURCE>{services}</VOTABLE>"
    ).encode()
