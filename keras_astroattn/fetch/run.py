"""Fetch the cutouts of a list of sources."""

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path
from keras_astroattn.version import __version__

from .casda import Login, casda_cutout, check_login
from .download import Downloads, FetchError, NoCoverage, Unreachable
from .image import check_image, describe_image
from .protocols import Request, find_cutout
from .sources import Source
from .surveys import SERVICES, ImageSurvey, Service, survey_named
from .table import FAILED, FETCHED, NO_COVERAGE, FetchTable, open_table

MOST_FAILURES = 5
"""Sources in a row for which the service was unreachable, after which a run ends."""

_WAITING = 4  # sources handed to a thread in advance


@dataclass(frozen=True)
class FetchSettings:
    """Positions to fetch, and the limits of requests.

    Attributes:
        survey: name in `SURVEYS`.
        folder: output folder.
        size: width of a cutout, arcmin; None: as the network needs for the survey.
        parallel: requests at a time.
        address: address of the service; None: the public one, the only one with a login.
        overwrite: fetch existing files again.
        login: account, for services with a login.
    """

    survey: str
    folder: Path
    size: float | None = None
    parallel: int = 2
    address: str | None = None
    overwrite: bool = False
    login: Login | None = None


def fetch_cutouts(
    sources: Sequence[Source],
    settings: FetchSettings,
    downloads: Downloads,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Counter, list[str]]:
    """Fetch a cutout of each source, and write the table `fetched.csv`.

    A file is complete FITS or absent. Sources whose file is there, and those without coverage,
    are not asked for again, so the same call continues an interrupted run.

    Args:
        sources: the sources.
        settings: survey, folder and size.
        downloads: requests to the service; closed at the end.
        tick: called after each source.

    Returns:
        The number of sources of each status, and the reasons of failures.

    Raises:
        InputError: The folder cannot be used, the service cannot be reached or refuses the login,
            or an address is given for a service with a login.
    """
    survey = survey_named(settings.survey)
    service = SERVICES[survey.service]
    if service.login and settings.login is None:
        raise InputError(f"--survey {settings.survey} needs a login at {service.title}")
    if service.login and settings.address is not None:
        raise InputError(
            f"address {settings.address}: the password is sent to {service.title} only: "
            "leave it out"
        )
    size = settings.size or survey.size
    sources = list({source.key: source for source in sources}.values())
    with open_table(settings.folder, settings.survey, size, settings.overwrite) as table:
        names = table.names(sources)
        waiting = [one for one in sources if settings.overwrite or not table.is_done(one)]
        for _ in range(len(sources) - len(waiting)):
            tick()
        job = _Job(settings, size, downloads)
        try:
            if waiting and service.login:
                check_login(service, settings.login, downloads)
            _run(job, waiting, names, table, tick)
        finally:
            downloads.close()
        table.finish(sources)
        rows = list(table.rows(sources))
    failures = [
        f"{row['name'] or row['file']}: {row['reason']}" for row in rows if row["status"] == FAILED
    ]
    return Counter(row["status"] for row in rows), failures


@dataclass(frozen=True)
class _Job:
    settings: FetchSettings
    size: float
    downloads: Downloads

    def fetch(self, source: Source, path: Path) -> str:
        """Download a cutout, check it, describe it, and return its address."""
        survey = survey_named(self.settings.survey)
        service = SERVICES[survey.service]
        low, high = survey.declination
        if not low <= source.dec <= high:
            raise NoCoverage(f"{survey.title} covers declinations {low:g} to {high:+g}")
        with atomic_path(path) as temporary:
            request, check = self._find(survey, service, source)
            url, _ = self.downloads.save(*request, temporary, check)
            now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            lines = (
                f"{survey.title}, {self.size:g} arcmin at {source.ra:.6f} {source.dec:+.6f} (ICRS)",
                f"from {url}",
                f"on {now} by keras-astroattn {__version__}",
                service.note,
            )
            describe_image(temporary, survey, source.dec, lines)
        return url

    def _find(
        self, survey: ImageSurvey, service: Service, source: Source
    ) -> tuple[Request, Callable[[Path], None]]:
        """Return the request of a cutout, and the check of the file."""
        if service.login:
            args = (survey, service, source, self.size, self.settings.login, self.downloads)
            url, check = casda_cutout(*args)
            return (url, {}), check
        address = self.settings.address or service.address
        return find_cutout(survey, address, source, self.size, self.downloads), check_image


def _run(
    job: _Job,
    sources: Sequence[Source],
    names: dict,
    table: FetchTable,
    tick: Callable[[], None],
) -> None:
    """Fetch sources in threads, with few of them handed out at a time."""
    waiting, running, unreachable = iter(sources), {}, 0
    pool = ThreadPoolExecutor(job.settings.parallel)
    try:
        while True:
            while len(running) < job.settings.parallel * _WAITING:
                source = next(waiting, None)
                if source is None:
                    break
                path = job.settings.folder / names[source.key]
                running[pool.submit(job.fetch, source, path)] = source
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                source = running.pop(future)
                failed = _record(future, source, names[source.key], table)
                unreachable = unreachable + 1 if failed else 0
                tick()
                if unreachable >= MOST_FAILURES:
                    raise InputError(
                        f"{failed} for {unreachable} sources in a row: give the same command "
                        "again later, to go on"
                    )
    finally:
        job.downloads.close()
        pool.shutdown(cancel_futures=True)


def _record(future: Future, source: Source, name: str, table: FetchTable) -> str | None:
    """Add the row of a source; return the reason if the service was unreachable."""
    try:
        url = future.result()
    except NoCoverage as error:
        table.add(source, NO_COVERAGE, reason=str(error))
    except FetchError as error:
        table.add(source, FAILED, reason=str(error))
        return str(error) if isinstance(error, Unreachable) else None
    else:
        table.add(source, FETCHED, name, url=url)
    return None
