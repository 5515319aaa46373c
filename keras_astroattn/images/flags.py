"""Flags that mark unusual images: the strings of the `flags` column.

A flag states how an image differs from the training images, or a fact about it that is unknown.
`edge.LabelRules` decides how the flags affect the label. `DESCRIPTIONS` explains each flag.
"""

NO_BEAM = "no_beam"
ASSUMED_BEAM = "assumed_beam"
NO_WCS = "no_wcs"
UNKNOWN_UNIT = "unknown_unit"
EDGE = "edge"
NAN_FILLED = "nan_filled"
INCOMPLETE = "incomplete"
NOISE_UNCERTAIN = "noise_uncertain"
NO_SOURCE = "no_source"
LOW_SNR = "low_snr"
OFF_CENTRE = "off_centre"
BEYOND_FRAME = "beyond_frame"
OUTER_LOBES = "outer_lobes"
CONFUSED = "confused"
ROUND = "round"
ONE_SIDED = "one_sided"
OFF_SOURCE = "off_source"
RECENTRED = "recentred"
ARTEFACTS = "artefacts"
SMOOTHED = "smoothed"
RESAMPLED = "resampled"
WIDER_BEAM = "wider_beam"
UNDERSAMPLED = "undersampled"
PICTURE = "picture"
BACKGROUND = "background"
STRETCHED = "stretched"
INVERTED = "inverted"
BRIGHT_NEIGHBOUR = "bright_neighbour"
NEIGHBOURS_MASKED = "neighbours_masked"

DESCRIPTIONS = {
    NO_BEAM: "the header states no beam and none was given; the map was not smoothed or regridded",
    ASSUMED_BEAM: "the header states no beam (its survey's was assumed) or no BPA (0 was assumed)",
    NO_WCS: "the header states no celestial coordinates; 1.8 arcsec a pixel was assumed",
    UNKNOWN_UNIT: "the brightness unit is not known; the noise is in the unit of the file",
    EDGE: "the frame reaches beyond the map; its pixels there are black",
    NAN_FILLED: "the frame holds unknown pixels (NaN, or areas of one value); they are black",
    INCOMPLETE: "the source reaches unknown pixels, or part of it may lie on them",
    NOISE_UNCERTAIN: "the map has too little sky, or a sky of zeros: give --noise or --rms-map",
    NO_SOURCE: "nothing in the frame peaks above 5 sigma",
    LOW_SNR: "the source peaks below 10 sigma; 99 % of MiraBest's sources are brighter",
    OFF_CENTRE: "the source is more than 15 pixels from the middle of the frame",
    BEYOND_FRAME: "emission of the source reaches the edge of the frame",
    OUTER_LOBES: "islands beyond the frame may be lobes of the source",
    CONFUSED: "a neighbour may belong to the source, or is nearer to the position than it is",
    ROUND: "the source is a ring or a smooth round patch: it shows no axis of jets or lobes",
    ONE_SIDED: "a point source at the position is linked to extended islands on one side only",
    OFF_SOURCE: "the position is further from the middle of the source than the source is long",
    RECENTRED: "the frame was moved by over a beam (3 pixels) from the position to the source",
    ARTEFACTS: "over 1 % of the frame is below -3 sigma and -0.2 % of the peak: imaging artefacts",
    SMOOTHED: "the map was convolved to a wider beam, or to a round one",
    RESAMPLED: "the map was regridded to three pixels a beam",
    WIDER_BEAM: "the source exceeds the frame; the map was smoothed to 2 or 4 times its beam",
    UNDERSAMPLED: "the file has fewer than two pixels a beam",
    PICTURE: "the file has no header; 1.8 arcsec a pixel and a beam of 5.4 arcsec were assumed",
    BACKGROUND: "the sky of the picture was not black; its noise was measured and made black",
    STRETCHED: "the picture did not use all grey levels; its brightest pixel was made white",
    INVERTED: "the picture showed a dark source on a bright sky; its grey levels were reversed",
    BRIGHT_NEIGHBOUR: "another catalogued source is the brightest in the frame",
    NEIGHBOURS_MASKED: "other catalogued emission in the frame was made black",
}
"""Every flag and its meaning in a few words, for tables, help texts and the documentation."""

OF_SOURCE = frozenset(
    {
        NO_SOURCE,
        LOW_SNR,
        OFF_CENTRE,
        BEYOND_FRAME,
        CONFUSED,
        ONE_SIDED,
        OFF_SOURCE,
        ROUND,
        INCOMPLETE,
        ARTEFACTS,
    }
)
"""Flags that follow from the content of the frame; the others follow from the map."""
