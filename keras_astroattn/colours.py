"""Colours of figures and regions: those of Okabe & Ito, which suit colour-blind readers."""

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PINK, SKY, AMBER = "#CC79A7", "#56B4E9", "#E69F00"
GREY, YELLOW = "#999999", "#F0E442"

LABEL_COLOURS = {
    "FRI": BLUE,
    "FRII": ORANGE,
    "uncertain": GREEN,
    "unresolved": YELLOW,
    "compact": SKY,
    "beyond_frame": PINK,
    "incomplete": AMBER,
}
"""Colours of labels; a source without a colour here is `GREY`."""
