"""Results of a network for one image."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Classification:
    """Classification of one image.

    Attributes:
        label: one of `edge.LABELS`.
        p_fri: P(FRI | a resolved radio galaxy); None if the network did not classify the image.
        p_frii: P(FRII | a resolved radio galaxy), or None.
        entropy: entropy of the probabilities, -sum p ln p, nats, or None.
        flags: flags that mark unusual images (`keras_astroattn.images.flags`).
    """

    label: str
    p_fri: float | None = None
    p_frii: float | None = None
    entropy: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention maps and evidence of one image.

    Attributes:
        gates: one (h, w) float32 attention map for each gate, coarsest first.
        mean: (150, 150) float32, mean attention map at the size of the image.
        evidence: (150, 150) float32, signed evidence E(FRII) - E(FRI) of each pixel, whose sum
            is the difference of the logits; None if the network gives no evidence.
    """

    gates: tuple[np.ndarray, ...]
    mean: np.ndarray = field(repr=False)
    evidence: np.ndarray | None = field(default=None, repr=False)
