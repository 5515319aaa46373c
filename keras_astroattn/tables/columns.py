"""Columns of a table of classified sources: name, type, unit, UCD and meaning."""

from collections.abc import Mapping
from dataclasses import dataclass

Row = Mapping[str, str | float | None]
"""Values of one source by the names of the columns; None if unknown."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: name of the column.
        dtype: "str", or a NumPy type: "bool", "uint8", "int16", "int32", "int64", "float32" or
            "float64".
        description: meaning of the values.
        unit: unit, in the syntax of the VO, or None.
        ucd: Unified Content Descriptor, or None.
        digits: format of a number in text files, as ".6f"; None: every digit.
    """

    name: str
    dtype: str
    description: str = ""
    unit: str | None = None
    ucd: str | None = None
    digits: str | None = None


# fmt: off
COLUMNS = (
    Column("path", "str", "file as it was given or found", None, "meta.id;meta.file"),
    Column("name", "str", "name of the source in its catalogue, or of its file or position", None,
           "meta.id;meta.main"),
    Column("ra", "float64",
           "right ascension that was classified, ICRS; of a map without --position, its middle",
           "deg", "pos.eq.ra;meta.main", ".6f"),
    Column("dec", "float64",
           "declination that was classified, ICRS; of a map without --position, its middle",
           "deg", "pos.eq.dec;meta.main", ".6f"),
    Column("label", "str",
           "FRI, FRII, uncertain, unresolved, compact, beyond_frame, incomplete, no_source or "
           "error", None, "meta.code.class"),
    Column("p_fri", "float64", "P(FRI | resolved radio galaxy of either class)", None,
           "stat.probability", digits=".6f"),
    Column("p_frii", "float64", "P(FRII | resolved radio galaxy of either class)", None,
           "stat.probability", digits=".6f"),
    Column("entropy_nats", "float64",
           "-sum p ln p of the probabilities in nats; 0 is certain, 0.693 is even", digits=".6f"),
    Column("noise_jy_beam", "float64", "standard deviation of the map's noise", "Jy/beam",
           "stat.stdev;phot.flux.density", digits=".4g"),
    Column("peak_snr", "float64", "brightest pixel of the source divided by the noise", None,
           "stat.snr", digits=".4g"),
    Column("source_fraction", "float64", "share of the frame's pixels above 3 sigma", None,
           "stat.filling", digits=".6f"),
    Column("largest_angular_size_arcsec", "float64",
           "largest extent above 3 sigma, corrected for the beam", "arcsec", "phys.angSize",
           digits=".2f"),
    Column("centroid_ra", "float64",
           "right ascension of the centroid of the source's flux above 3 sigma, ICRS", "deg",
           "pos.eq.ra", ".6f"),
    Column("centroid_dec", "float64",
           "declination of the centroid of the source's flux above 3 sigma, ICRS", "deg",
           "pos.eq.dec", ".6f"),
    Column("major_arcsec", "float64",
           "major axis, full width at half maximum, of the Gaussian with the second moments of "
           "the source's flux; not deconvolved", "arcsec", "phys.angSize.smajAxis", digits=".2f"),
    Column("minor_arcsec", "float64",
           "minor axis, full width at half maximum, of that Gaussian; not deconvolved", "arcsec",
           "phys.angSize.sminAxis", digits=".2f"),
    Column("position_angle_deg", "float64",
           "position angle of the major axis, from north through east", "deg", "pos.posAng",
           digits=".1f"),
    Column("beam_arcsec", "float64", "geometric mean width of the beam that the network saw",
           "arcsec", "pos.angResolution;instr.beam", digits=".2f"),
    Column("frame_ra", "float64",
           "right ascension of the middle of the frame that the network saw, ICRS", "deg",
           "pos.eq.ra", ".6f"),
    Column("frame_dec", "float64",
           "declination of the middle of the frame that the network saw, ICRS", "deg",
           "pos.eq.dec", ".6f"),
    Column("offset_arcsec", "float64",
           "distance of the middle of the frame from the position that was asked for", "arcsec",
           "pos.angDistance", digits=".2f"),
    Column("flags", "str", "flags that mark unusual images, separated by semicolons", None,
           "meta.code"),
    Column("error", "str", "reason why the image could not be classified", None, "meta.note"),
    Column("model", "str",
           "name of the network, and the views that its prediction is averaged over", None,
           "meta.id;meta.modelled"),
)
"""Columns of every table, in their order."""

OF_CATALOGUE = ("name", "ra", "dec")
"""Columns that a survey's result does not repeat: its catalogue and its plan hold them."""

PICTURE = Column(
    "picture", "str", "path of the picture that --attention drew", None, "meta.id;meta.file",
)
"""Column that a table of image files has after `COLUMNS`."""

EXPLANATION_COLUMNS = (
    Column("explanation", "str", "reason for the class, in one sentence", None, "meta.note"),
    Column("main_component", "str",
           "component of the source with the most evidence for the likelier class", None,
           "meta.id.part"),
    Column("main_share", "float64",
           "its evidence for that class over the absolute evidence of all components", None,
           "stat.weight", digits=".6f"),
    Column("p_without_main", "float64",
           "probability of that class when this component is deleted", None, "stat.probability",
           digits=".6f"),
    Column("counterfactual", "str",
           "fewest components found whose deletion changes the label, separated by semicolons",
           None, "meta.id.part"),
    Column("components", "str",
           "name, share of flux, evidence, share, probability and label without it of each "
           "component, as JSON", None, "meta.note"),
)
"""Columns that a table of image files has after `PICTURE` with `--explain`."""
# fmt: on
