"""What a network gives for one image."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Classification:
    """What is said of one image.

    Attributes:
        label: one of `edge.LABELS`.
        p_fri: P(FRI | a resolved radio galaxy); None where the label says it is none.
        p_frii: P(FRII | a resolved radio galaxy); None likewise.
        entropy: -sum p ln p, nats; None likewise.
        flags: what is odd about the image (`keras_astroattn.images.flags`).
    """

    label: str
    p_fri: float | None = None
    p_frii: float | None = None
    entropy: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Attention:
    """Where the network looked.

    Attributes:
        gates: one (h, w) float32 map a gate, coarsest first.
        mean: (150, 150) float32, the maps at the image's size, averaged.
        evidence: (150, 150) float32, signed evidence E(FRII) - E(FRI) of each pixel, whose sum
            is the difference of the logits; None for a network that gives none.
    """

    gates: tuple[np.ndarray, ...]
    mean: np.ndarray = field(repr=False)
    evidence: np.ndarray | None = field(default=None, repr=False)
