"""The columns of a table of classified sources: names, units, meanings, types."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: In the table.
        type: `str` or `float`.
        description: For formats that have room for it.
        unit: As the VO writes units; None for none.
    """

    name: str
    type: type
    description: str
    unit: str | None = None


COLUMNS = (
    Column("path", str, "file as it was given or found"),
    Column("label", str, "FRI, FRII, uncertain, compact, beyond_frame, no_source or error"),
    Column("p_fri", float, "P(FRI | resolved radio galaxy)"),
    Column("p_frii", float, "P(FRII | resolved radio galaxy)"),
    Column("entropy_nats", float, "-sum p ln p; 0 is certain, 0.693 is even", "nat"),
    Column("noise_jy_beam", float, "standard deviation of the map's noise", "Jy/beam"),
    Column("peak_snr", float, "brightest pixel of the source over the noise"),
    Column("source_fraction", float, "share of the frame's pixels above 3 sigma"),
    Column(
        "largest_angular_size_arcsec",
        float,
        "largest extent above 3 sigma, less what the beam adds",
        "arcsec",
    ),
    Column("beam_arcsec", float, "geometric mean width of the beam the network saw", "arcsec"),
    Column("flags", str, "what is odd about the image, separated by semicolons"),
    Column("error", str, "why the image could not be classified"),
    Column("model", str, "name of the network, and the views that its prediction is averaged over"),
)
"""In the order of the table."""

PICTURE = Column("picture", str, "picture of the source and the attention, where one was drawn")
"""What a table of image files has after `COLUMNS`."""
