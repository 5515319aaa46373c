"""What may be odd about an image, as the strings that stand in the `flags` column.

A flag says how the image differs from what the network was trained on; what follows
for the label is decided by whoever classifies.
"""

NO_BEAM = "no_beam"
"""Neither the header nor the caller says what the beam is: no smoothing, no regridding."""

NO_WCS = "no_wcs"
"""No celestial coordinates and no pixel scale: taken to be 1.8 arcsec a pixel."""

UNKNOWN_UNIT = "unknown_unit"
"""BUNIT is absent or no flux density per beam: `noise` is in the file's own unit."""

EDGE = "edge"
"""The frame reaches over the edge of the map; what lies beyond is black."""

NAN_FILLED = "nan_filled"
"""The map has blank pixels inside the frame; they are black."""

NO_SOURCE = "no_source"
"""Nothing in the frame peaks above 5 times the noise."""

LOW_SNR = "low_snr"
"""The source peaks below 10 times the noise; 99 % of MiraBest's are brighter."""

OFF_CENTRE = "off_centre"
"""The source begins more than 27 arcsec (15 pixels) from the middle of the frame."""

BEYOND_FRAME = "beyond_frame"
"""The source's emission reaches the edge of the frame."""

ARTEFACTS = "artefacts"
"""Over 1 % of the frame is below -3 sigma, where noise is 0.13 %: emission is positive, what
imaging leaves around bright sources is both."""

SMOOTHED = "smoothed"
"""The map was convolved to the beam that the network knows, or to a round one."""

RESAMPLED = "resampled"
"""The map was put on another pixel grid: three pixels a beam."""

UNDERSAMPLED = "undersampled"
"""The file has fewer than two pixels a beam."""

PICTURE = "picture"
"""No header: taken to be made as MiraBest's images are, 1.8 arcsec a pixel, 5.4 arcsec beam."""

BACKGROUND = "background"
"""A picture whose sky is not black: more than half of its pixels are above 0."""

BRIGHT_NEIGHBOUR = "bright_neighbour"
"""The brightest pixel of the frame belongs to another source of the catalogue (surveys)."""

NEIGHBOURS_MASKED = "neighbours_masked"
"""Emission of other sources of the catalogue was made black (surveys)."""

DESCRIPTIONS = {
    NO_BEAM: "no beam in the header and none given; neither smoothed nor regridded",
    NO_WCS: "no celestial coordinates; 1.8 arcsec a pixel assumed",
    UNKNOWN_UNIT: "brightness unit unknown; noise is in the unit of the file",
    EDGE: "the frame reaches over the edge of the map",
    NAN_FILLED: "blank pixels inside the frame",
    NO_SOURCE: "nothing in the frame peaks above 5 sigma",
    LOW_SNR: "the source peaks below 10 sigma",
    OFF_CENTRE: "the source begins more than 15 pixels from the middle of the frame",
    BEYOND_FRAME: "emission reaches the edge of the frame",
    ARTEFACTS: "over 1 % of the frame is below -3 sigma, as around imaging artefacts",
    SMOOTHED: "smoothed to the beam that the network knows",
    RESAMPLED: "regridded to three pixels a beam",
    UNDERSAMPLED: "fewer than two pixels a beam in the file",
    PICTURE: "no header; 1.8 arcsec a pixel and a beam of 5.4 arcsec assumed",
    BACKGROUND: "the sky of the picture is not black",
    BRIGHT_NEIGHBOUR: "another catalogued source is the brightest in the frame",
    NEIGHBOURS_MASKED: "other catalogued emission in the frame was made black",
}
"""Every flag and its meaning in a few words, for tables and help texts."""
