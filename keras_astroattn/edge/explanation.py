"""Explanation of a class: the evidence of the source's parts, and the effect of their deletion."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from keras_astroattn.images import BLACK, CLASS_NAMES, Cutout, flux_patches
from keras_astroattn.images.compass import direction_name, north_and_east
from keras_astroattn.outputs import probability_text, signed_evidence
from keras_astroattn.tables import EXPLANATION_COLUMNS, Row

from .classification import Classification

COMPONENTS = 6
"""Components of equal flux that a source is cut into, about."""

CENTRAL_PIXELS = 4.0
"""A component nearer than this to the middle of the source, pixels (1.3 beams), is central."""

_PUT_BACK = 2
"""Most components that the search for a counterfactual tries to put back."""

_DISTANCES = {2: ("inner", "outer"), 3: ("inner", "middle", "outer")}
"""Words for components in one direction, by their number; more are numbered from the inside."""

SURROUNDINGS = "other emission"
"""Name of the islands that do not belong to the source, or are too faint to be a component."""


@dataclass(frozen=True, eq=False)
class Component:
    """A part of a source.

    Attributes:
        name: name by its position, for example "outer northern component".
        pixels: (150, 150) bool, its pixels.
        flux_share: its share of the flux above 3 sigma.
        evidence: sum of its signed evidence, logit(FRII) - logit(FRI).
        share: its evidence for the likelier class, over the sum of the absolute evidence of all
            components: from -1 to 1; negative where it speaks for the other class.
        p_without: probability of the likelier class when the component is deleted.
        label_without: label when the component is deleted.
    """

    name: str
    pixels: np.ndarray = field(repr=False)
    flux_share: float
    evidence: float
    share: float
    p_without: float
    label_without: str

    @property
    def speaks_for(self) -> str:
        """The class that its evidence supports, FRI or FRII."""
        return CLASS_NAMES[int(self.evidence > 0)]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Explanation of a network's classification by the parts of the source.

    Attributes:
        classification: the classification. Without a class, `evidence` is None and there are no
            components.
        evidence: (150, 150) float32, signed evidence of each pixel, E(FRII) - E(FRI). Its sum
            is the difference of the logits. Positive pixels speak for FRII.
        components: parts of the source, the largest share first.
        counterfactual: names of the fewest components found whose deletion changes the label;
            empty if deleting all but one does not.
        label_after: label after deleting the components of `counterfactual`.
    """

    classification: Classification
    evidence: np.ndarray | None = field(default=None, repr=False)
    components: tuple[Component, ...] = ()
    counterfactual: tuple[str, ...] = ()
    label_after: str | None = None

    @property
    def likelier(self) -> str | None:
        """The likelier class, FRI or FRII; it is the label unless that is `uncertain`."""
        found = self.classification
        return None if found.p_fri is None else CLASS_NAMES[int(found.p_frii > found.p_fri)]

    @property
    def probability(self) -> float | None:
        """Probability of the likelier class."""
        found = self.classification
        return None if found.p_fri is None else max(found.p_fri, found.p_frii)

    def __repr__(self) -> str:
        """Return the explanation in one sentence."""
        label = self.classification.label
        if not self.components:
            return f"{label}: the network gives no class, so there is nothing to explain."
        answer = label if label == self.likelier else f"{label}, rather {self.likelier}"
        first = self.components[0]
        text = (
            f"{answer} with {_equation(self.probability)}: the {first.name} gives "
            f"{100 * first.share:.0f} % of the evidence, and {_equation(first.p_without)} without "
            "it; "
        )
        if not self.counterfactual:
            return f"{text}no deletion that was tried changes the label."
        names = [f"the {name}" for name in self.counterfactual]
        together = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        return f"{text}the label changes to {self.label_after} without {together}."

    def _repr_html_(self) -> str:
        """Return the sentence and a table of the components, for notebooks."""
        sentence = f"<p>{escape(repr(self))}</p>"
        if not self.components:
            return sentence
        titles = ("component", "flux", "evidence", "share", "P without", "label without")
        head = "".join(f"<th>{title}</th>" for title in titles)
        rows = "".join(
            f"<tr><td>{one.name}</td><td>{100 * one.flux_share:.0f} %</td>"
            f"<td>{one.speaks_for} {abs(one.evidence):.2f}</td>"
            f"<td>{100 * one.share:.0f} %</td><td>{escape(probability_text(one.p_without))}</td>"
            f"<td>{one.label_without}</td></tr>"
            for one in self.components
        )
        return f"{sentence}<table><tr>{head}</tr>{rows}</table>"

    def to_dict(self) -> dict:
        """Return everything but the maps, as plain values for JSON."""
        found = self.classification
        return {
            "label": found.label,
            "p_fri": found.p_fri,
            "p_frii": found.p_frii,
            "components": [
                {
                    "name": one.name,
                    "flux_share": one.flux_share,
                    "evidence": one.evidence,
                    "share": one.share,
                    "p_without": one.p_without,
                    "label_without": one.label_without,
                }
                for one in self.components
            ],
            "counterfactual": list(self.counterfactual),
            "label_after": self.label_after,
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict())


def _equation(probability: float) -> str:
    """Return "P = 0.92", or "P > 0.9999"."""
    text = probability_text(probability)
    return f"P {text}" if text[0] in "<>" else f"P = {text}"


def explanation_values(found: Explanation) -> Row:
    """Return the values of `EXPLANATION_COLUMNS`.

    Args:
        found: the explanation. Without components only its sentence is known.
    """
    values: dict[str, str | float | None] = {column.name: None for column in EXPLANATION_COLUMNS}
    values["explanation"] = repr(found)
    if not found.components:
        return values
    main = found.components[0]
    return values | {
        "main_component": main.name,
        "main_share": main.share,
        "p_without_main": main.p_without,
        "counterfactual": ";".join(found.counterfactual),
        "components": json.dumps(found.to_dict()["components"]),
    }


def explain_cutout(
    cutout: Cutout,
    outputs: Mapping[str, np.ndarray],
    classification: Classification,
    predict: Callable[[np.ndarray], np.ndarray],
    label_of: Callable[[np.ndarray], str],
) -> Explanation:
    """Explain a classification by the evidence and the deletion of each part of the source.

    Args:
        cutout: the source.
        outputs: outputs of the network for it, with `evidence` (1, 150, 150, 2).
        classification: the classification, with a class or `uncertain`.
        predict: function from images (n, 150, 150, 1) to probabilities (n, 2).
        label_of: function from probabilities (2,) to a label.

    Returns:
        The explanation. A network runs once for each component, and at most as many times
        again for the counterfactual.
    """
    evidence = signed_evidence(outputs)[0]
    given = int(outputs["probabilities"][0].argmax())
    masks, names = _parts(cutout)
    alone = predict(np.stack([_without(cutout, [mask]) for mask in masks]))
    toward = (1 if CLASS_NAMES[given] == "FRII" else -1) * np.array(
        [float(evidence[mask].sum()) for mask in masks]
    )
    total = float(np.abs(toward).sum())
    flux = cutout.pixels.astype(float)
    components = [
        Component(
            name,
            mask,
            float(flux[mask].sum() / flux.sum()),
            float(evidence[mask].sum()),
            float(one / total) if total else 0.0,
            float(p[given]),
            label_of(p),
        )
        for name, mask, one, p in zip(names, masks, toward, alone, strict=True)
    ]
    components.sort(key=lambda one: -one.share)
    changed, label = _counterfactual(cutout, components, classification.label, predict, label_of)
    return Explanation(classification, evidence, tuple(components), changed, label)


def _parts(cutout: Cutout) -> tuple[list[np.ndarray], list[str]]:
    """Return masks of the components of a source, and their names."""
    lit = cutout.pixels > 0
    source = lit if cutout.source_mask is None else lit & cutout.source_mask
    patches = flux_patches(np.where(source, cutout.pixels, 0), COMPONENTS)
    masks = [patches == number for number in range(1, patches.max() + 1)]
    flux = cutout.pixels.astype(float)
    # The middle of the extent, not of the flux: one bright lobe is not the centre of two.
    places = np.argwhere(patches > 0)[:, ::-1]
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    offsets = [_centroid(flux, mask) - middle for mask in masks]
    names = _names(offsets, north_and_east(cutout))
    rest = lit & (patches <= 0)
    if rest.any():
        masks.append(rest)
        names.append(SURROUNDINGS)
    return masks, names


def _centroid(flux: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return (x, y) of the flux on a mask, pixels."""
    rows, columns = np.nonzero(mask)
    weights = flux[mask]
    return np.array([columns @ weights, rows @ weights]) / weights.sum()


def _names(offsets: Sequence[np.ndarray], directions) -> list[str]:
    """Name components by direction from the middle, and by distance where several share one."""
    distances = [float(np.hypot(*offset)) for offset in offsets]
    sides = [
        "central" if distance < CENTRAL_PIXELS else direction_name(tuple(offset), directions)
        for offset, distance in zip(offsets, distances, strict=True)
    ]
    number = Counter(sides)
    names = []
    for side, distance in zip(sides, distances, strict=True):
        nearer = sum(
            other < distance for one, other in zip(sides, distances, strict=True) if one == side
        )
        if number[side] == 1:
            names.append(f"{side} component")
        elif number[side] in _DISTANCES and side != "central":
            names.append(f"{_DISTANCES[number[side]][nearer]} {side} component")
        else:
            names.append(f"{side} component {nearer + 1}")
    return names


def _without(cutout: Cutout, masks: Sequence[np.ndarray]) -> np.ndarray:
    """Return the network's input with components painted black."""
    image = cutout.network_input.copy()
    for mask in masks:
        image[mask] = BLACK
    return image


def _counterfactual(
    cutout: Cutout,
    components: Sequence[Component],
    label: str,
    predict: Callable[[np.ndarray], np.ndarray],
    label_of: Callable[[np.ndarray], str],
) -> tuple[tuple[str, ...], str | None]:
    """Return the fewest components found whose deletion changes the label, and the new label.

    The effects of single components are known. Beyond them, the components are ordered by the
    effect that each has alone. The search bisects how many of the first must be deleted
    together, then puts back those of small effect that prove unnecessary.
    """
    by_effect = sorted(components, key=lambda one: one.p_without)
    for one in by_effect:
        if one.label_without != label:
            return (one.name,), one.label_without

    def label_without(chosen: Sequence[Component]) -> str:
        image = _without(cutout, [one.pixels for one in chosen])
        return label_of(predict(image[np.newaxis])[0])

    # Deleting one component changes nothing; deleting all leaves no source to classify.
    kept, chosen, after, most = 1, (), None, len(by_effect)
    while most - kept > 1:
        count = (kept + most) // 2
        found = label_without(by_effect[:count])
        if found == label:
            kept = count
        else:
            most, chosen, after = count, tuple(by_effect[:count]), found
    # The last is needed, and those of small effect are the likeliest to be put back.
    for one in chosen[-2 : -2 - _PUT_BACK : -1] if len(chosen) > 2 else ():
        fewer = tuple(other for other in chosen if other is not one)
        if len(fewer) > 1 and (found := label_without(fewer)) != label:
            chosen, after = fewer, found
    return tuple(one.name for one in chosen), after
