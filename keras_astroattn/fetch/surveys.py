"""Surveys whose images can be fetched: the service of each, its parameters and its terms."""

from dataclasses import dataclass

from keras_astroattn.errors import InputError
from keras_astroattn.images.known_surveys import SURVEYS as KNOWN_SURVEYS


@dataclass(frozen=True)
class Service:
    """A public image service.

    Attributes:
        title: its name.
        address: its address.
        note: its changes of the pixels, for HISTORY.
        terms: its conditions for users.
        login: address that answers to its users only; None: it needs no login.
    """

    title: str
    address: str
    note: str
    terms: str
    login: str | None = None


SERVICES = {
    "skyview": Service(
        "SkyView",
        "https://skyview.gsfc.nasa.gov/current/cgi/runquery.pl",
        "resampled by SkyView to a tangential projection",
        "Acknowledge SkyView (NASA's Goddard Space Flight Center) and the survey",
    ),
    "cadc": Service(
        "CADC",
        "https://ws.cadc-ccda.hia-iha.nrc-cnrc.gc.ca/sia/v2query",
        "pixels of the survey's image, cut out by CADC",
        "Acknowledge the Canadian Astronomy Data Centre and NRAO",
    ),
    "lotss": Service(
        "LOFAR Surveys",
        "https://lofar-surveys.org",
        "pixels of the survey's mosaic, cut out by lofar-surveys.org",
        "Use the acknowledgement of https://lofar-surveys.org/credits.html",
    ),
    "hips2fits": Service(
        "CDS hips2fits",
        "https://alasky.cds.unistra.fr/hips-image-services/hips2fits",
        "resampled twice, by the HiPS and by hips2fits: unit and beam are not known",
        "Acknowledge hips2fits (CDS, Strasbourg) and the survey",
    ),
    "casda": Service(
        "CASDA",
        "https://casda.csiro.au/casda_vo_tools/sia2/query",
        "pixels of the survey's image, cut out by CASDA",
        "Acknowledge CSIRO, ASKAP and CASDA, and the survey",
        "https://data.csiro.au/casda_vo_proxy/vo/tap/availability",
    ),
}
"""Image services by the key in `ImageSurvey.service`."""


@dataclass(frozen=True)
class ImageSurvey:
    """A survey at an image service.

    Attributes:
        title: name of the survey and its frequency.
        service: key in `SERVICES`.
        images: name of the images at the service; at CASDA, a pattern of names of files.
        pixel_scale: pixel scale to ask for, arcsec; None: that of the survey's images.
        size: width of a cutout that holds the network's field, arcmin.
        known: name in `keras_astroattn.images.known_surveys`; None: it is not there.
        one_beam: lowest and highest declination between which all images have the survey's
            beam, so that it may be written to a header; None: never.
    """

    title: str
    service: str
    images: str
    pixel_scale: float | None
    size: float
    known: str | None = None
    one_beam: tuple[float, float] | None = None

    @property
    def declination(self) -> tuple[float, float]:
        """Lowest and highest declination of the survey, degrees."""
        known = next((one for one in KNOWN_SURVEYS if one.name == self.known), None)
        return (-90.0, 90.0) if known is None else known.declination

    @property
    def paper(self) -> str | None:
        """Paper that states the beam."""
        return next((one.source for one in KNOWN_SURVEYS if one.name == self.known), None)


# fmt: off
SURVEYS = {
    # MiraBest's fields are 300 pixels of 1.8 arcsec from SkyView. South of +4:33:21 the beam is
    # 6.4 x 5.4 arcsec or wider (Helfand, White & Becker 2015, ApJ 801, 26).
    "first": ImageSurvey("FIRST, 1.4 GHz", "skyview", "VLA FIRST (1.4 GHz)", 1.8, 9.0, "FIRST",
                         (4.556, 90.0)),
    "nvss": ImageSurvey("NVSS, 1.4 GHz", "skyview", "NVSS", 15.0, 75.0, "NVSS", (-42.0, 90.0)),
    "sumss": ImageSurvey("SUMSS, 843 MHz", "skyview", "SUMSS 843 MHz", 11.0, 90.0, "SUMSS",
                         (-90.0, -29.0)),
    "tgss": ImageSurvey("TGSS ADR1, 150 MHz", "skyview", "TGSS ADR1", 6.2, 50.0, "TGSS",
                        (-55.0, 90.0)),
    "vlass": ImageSurvey("VLASS, 3 GHz", "cadc", "VLASS", None, 10.0, "VLASS"),
    "lotss": ImageSurvey("LoTSS DR2, 144 MHz", "lotss", "dr2-cutout.fits", None, 11.0, "LoTSS"),
    "lotss-dr3": ImageSurvey("LoTSS DR3, 144 MHz", "lotss", "dr3-cutout.fits", None, 11.0, "LoTSS"),
    "racs": ImageSurvey("RACS-low, 888 MHz", "hips2fits", "CSIRO/P/RACS/low/I", 2.5, 45.0,
                        "RACS-low"),
    "racs-mid": ImageSurvey("RACS-mid, 1368 MHz", "hips2fits", "CSIRO/P/RACS/mid/I", 2.0, 20.0),
    # Restored Stokes I of one beam: the mosaics of 25 arcsec, and tiles of 15 arcsec.
    "casda-racs": ImageSurvey("RACS-low DR1, 888 MHz", "casda", "RACS-DR1_*A.fits", None, 45.0,
                              "RACS-low"),
    "casda-emu": ImageSurvey("EMU, 944 MHz", "casda",
                             "image.i.EMU_*.cont.taylor.0.restored.conv.fits", None, 27.0),
}
"""Surveys by the name for `--survey`."""
# fmt: on


def survey_named(name: str) -> ImageSurvey:
    """Return a survey.

    Raises:
        InputError: There is none of this name.
    """
    if name not in SURVEYS:
        raise InputError(f"--survey {name} is not known: give one of {', '.join(SURVEYS)}")
    return SURVEYS[name]
