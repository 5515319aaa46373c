"""Colours of figures and regions: Okabe & Ito's, which suit colour-blind readers, and cyan."""

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PINK, SKY, AMBER = "#CC79A7", "#56B4E9", "#E69F00"
GREY, YELLOW, CYAN = "#999999", "#F0E442", "#00FFFF"

LABEL_COLOURS = {
    "FRI": BLUE,
    "FRII": ORANGE,
    "uncertain": GREEN,
    "unresolved": YELLOW,
    "compact": PINK,
    "beyond_frame": CYAN,
    "incomplete": AMBER,
}
"""Colours of labels; a source without a colour here is `GREY`.

The sky blue of Okabe & Ito is too close to the blue of FRI. The report has these hues, darker or
brighter for its background.
"""
