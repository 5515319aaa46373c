"""Cutouts of CASDA: images (SIA2), their services (DataLink, with a login), then a job (SODA).

Source of the protocol: astroquery.casda 0.4.11. It is not called, because it waits for a job
without end, and its requests keep neither the pace nor the limits of `Downloads`. The names of
files are those of published scripts; the checksum file is that of CASDA's own `calc_checksum.sh`.
"""

import datetime
import fnmatch
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from keras_astroattn.errors import InputError

from .download import Denied, Downloads, FetchError, NoCoverage, Passing, Unreachable, page_text
from .image import check_image
from .sources import Source
from .surveys import ImageSurvey, Service
from .votable import ON_THE_IMAGE, as_number, votable_rows

POLL = 20.0
"""Seconds between two looks at a job, as in astroquery."""

LONGEST_JOB = 1800.0
"""Seconds after which a job is given up."""

_RUNNING = frozenset({"PENDING", "QUEUED", "EXECUTING", "SUSPENDED"})
_CUTOUT = "cutout_service"
_CHECKSUM = ".checksum"
_HREF = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True)
class Login:
    """An account at an archive.

    Attributes:
        user: user name.
        password: password; no `repr` shows it.
    """

    user: str
    password: str = field(repr=False)

    @property
    def words(self) -> tuple[bytes, bytes]:
        """User name and password for HTTP basic authentication."""
        return self.user.encode(), self.password.encode()


def check_login(service: Service, login: Login, downloads: Downloads) -> None:
    """Ask the archive whether it knows the user name and the password.

    Raises:
        InputError: It does not, or it cannot be reached.
    """
    try:
        downloads.read(service.login, {}, len, login.words)
    except Denied:
        raise InputError(
            f"{service.title} refuses --user {login.user} with this password: check both"
        ) from None
    except FetchError as error:
        raise InputError(f"the login at {service.title} failed: {error}") from None


def casda_cutout(
    survey: ImageSurvey,
    service: Service,
    source: Source,
    size: float,
    login: Login,
    downloads: Downloads,
) -> tuple[str, Callable[[Path], None]]:
    """Let CASDA cut out a map.

    Args:
        survey: the survey.
        service: CASDA.
        source: the source in its middle.
        size: its width, arcmin.
        login: account that CASDA knows.
        downloads: requests to CASDA.

    Returns:
        The address of the map, and the check of the downloaded file.

    Raises:
        NoCoverage: The survey has no public image there.
        FetchError: CASDA lists no cutout, or its job failed.
    """
    image = _image(survey, service, source, downloads)
    address, token = _cutout_service(image.access_url, service, login, downloads)
    job = downloads.post(address, {"ID": token})
    if urlsplit(job).path == urlsplit(address).path:
        raise FetchError(f"{service.title} made no job for the cutout")
    circle = f"CIRCLE {source.ra:.6f} {source.dec:.6f} {size / 120:.6f}"
    downloads.post(f"{job}/parameters", form={"POS": circle})
    downloads.post(f"{job}/phase", form={"phase": "RUN"})
    files = _results(job, service, downloads)
    maps = [name for name in files if not name.endswith(_CHECKSUM)]
    if len(maps) != 1 or maps[0] + _CHECKSUM not in files:
        raise FetchError(f"{service.title}'s job did not give one map and its checksum")
    digest, length = downloads.read(files[maps[0] + _CHECKSUM], {}, _checksum)
    return files[maps[0]], lambda path: _check(path, digest, length)


def _image(survey: ImageSurvey, service: Service, source: Source, downloads: Downloads) -> Mapping:
    """Return the row of the public image in whose middle the source is, at best."""
    from astropy import units as u
    from pyvo.dal.sia2 import SIA2Query, SIA2Results

    query = SIA2Query(
        service.address, pos=(source.ra * u.deg, source.dec * u.deg, ON_THE_IMAGE * u.deg)
    )
    rows, is_part = downloads.read(
        query.queryurl,
        query,
        lambda answer: (votable_rows(answer, SIA2Results), b'"OVERFLOW"' in answer),
    )
    if rows and "filename" not in rows[0].keys():  # noqa: SIM118 - a record of pyvo, not a dict
        raise FetchError(f"{service.title} lists no names of files")
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    images = [
        row
        for row in rows
        if fnmatch.fnmatchcase(str(row["filename"]), survey.images)
        and "" < str(row.get("obs_release_date") or "") < now
        and row.get("quality_level") != "BAD"
    ]
    if images:
        return _nearest(images, source)
    if is_part:
        raise FetchError(f"{service.title} listed only a part of its images there")
    raise NoCoverage(f"{service.title} has no public image of {survey.title} there")


def _nearest(images: Sequence[Mapping], source: Source) -> Mapping:
    """Return the image with the nearest middle, to 0.1 degrees; of several, the latest."""
    from astropy.coordinates import angular_separation

    def rank(row: Mapping) -> tuple[float, float]:
        places = map(math.radians, (source.ra, source.dec, row["s_ra"], row["s_dec"]))
        distance = math.degrees(angular_separation(*places))
        return round(float(distance), 1), -as_number(row.get("t_min"))

    return min(images, key=rank)


def _cutout_service(
    links: str, service: Service, login: Login, downloads: Downloads
) -> tuple[str, str]:
    """Return the address of the cutout service, and the word that gives access to the image."""
    from pyvo.dal.adhoc import DatalinkResults

    known = {urlsplit(one)[:2] for one in (service.address, service.login)}
    if urlsplit(links)[:2] not in known:
        raise FetchError(f"the password is not sent to {urlsplit(links).netloc}")
    rows = downloads.read(links, {}, lambda one: votable_rows(one, DatalinkResults), login.words)
    for row in rows:
        token = row.get("authenticated_id_token")
        if row.get("service_def") == _CUTOUT and token:
            return row.access_url, str(token)
    raise FetchError(f"{service.title} gives this user no access to the image there")


def _results(job: str, service: Service, downloads: Downloads) -> dict[str, str]:
    """Wait for the end of a job, and return the addresses of its files by their names."""
    begun = time.monotonic()
    while True:
        phase, state = downloads.read(job, {}, _job)
        if phase not in _RUNNING:
            break
        if time.monotonic() - begun > LONGEST_JOB:
            raise Unreachable(f"{service.title}'s job did not end within {LONGEST_JOB:g} s")
        downloads.pause(POLL)
    if phase != "COMPLETED":
        reason = " ".join(state.findtext("{*}errorSummary/{*}message", "").split())[:150]
        raise FetchError(f"{service.title}'s job ended as {phase}: {reason or 'no reason given'}")
    results = state.iterfind("{*}results/{*}result")
    return {one.get("id", ""): unquote(one.get(_HREF, "")) for one in results}


def _job(answer: bytes) -> tuple[str, ElementTree.Element]:
    """Return the phase of a job, and its whole state (UWS); pyvo refuses CASDA's times."""
    try:
        state = ElementTree.fromstring(answer)
    except ElementTree.ParseError:
        raise FetchError(f"the answer is not the state of a job: {page_text(answer)}") from None
    phase = state.findtext("{*}phase", "").strip()
    if not phase:
        raise FetchError("the state of the job has no phase")
    return phase, state


def _checksum(answer: bytes) -> tuple[str, int]:
    """Return SHA-1 and length of a file; its CRC-32 comes first."""
    try:
        _, digest, length = answer.decode("ascii").split()
        return digest.lower(), int(length, 16)
    except ValueError:
        raise Passing("the checksum is broken") from None


def _check(path: Path, digest: str, length: int) -> None:
    """Check that a file is a map, and the one that CASDA made; errors as `check_image`."""
    check_image(path)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if (found, path.stat().st_size) != (digest, length):
        raise Passing("the file differs from its checksum")
