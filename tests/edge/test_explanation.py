"""An answer taken apart: evidence, shares, measured effects, counterfactual, names."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_astroattn.edge.classification import Classification
from keras_astroattn.edge.explanation import (
    Component,
    Explanation,
    _counterfactual,
    _names,
    explain_cutout,
)
from keras_astroattn.images import cutout_from_array
from keras_astroattn.images.compass import COMPASS, PICTURE, direction_name


def three_blobs(fluxes=(60, 40, 80)) -> np.ndarray:
    """(150, 150) uint8: squares of 6 x 6 pixels at the top, in the middle and at the bottom."""
    image = np.zeros((150, 150), np.uint8)
    for row, brightness in zip((30, 72, 114), fluxes, strict=True):
        image[row : row + 6, 72:78] = brightness
    return image


def additive_outputs(image: np.ndarray, scale: float = 1.0) -> dict[str, np.ndarray]:
    """A network whose logit of FRII is +3 for the upper blob, -1 for the middle, +0.5 below."""
    bright = image[0, ..., 0] > -1
    evidence = np.zeros((1, 150, 150, 2), np.float32)
    for rows, logit in ((slice(0, 50), 3.0), (slice(50, 100), -1.0), (slice(100, 150), 0.5)):
        if bright[rows].any():
            evidence[0, rows, :, 1] += bright[rows] * scale * logit / bright[rows].sum()
    logits = evidence.sum(axis=(1, 2))
    powers = np.exp(logits)
    return {"evidence": evidence, "probabilities": powers / powers.sum(axis=-1, keepdims=True)}


def explain(
    image: np.ndarray, label_of, source_mask: np.ndarray | None = None, scale: float = 1.0
) -> Explanation:
    # Without a mask all emission belongs to the source; `tests/images` holds the linking.
    cutout = replace(cutout_from_array(image), source_mask=source_mask)
    outputs = additive_outputs(cutout.network_input[np.newaxis], scale)
    p = outputs["probabilities"][0]
    return explain_cutout(
        cutout,
        outputs,
        Classification(label_of(p), float(p[0]), float(p[1])),
        lambda images: np.concatenate(
            [additive_outputs(one[np.newaxis], scale)["probabilities"] for one in images]
        ),
        label_of,
    )


def test_islands_of_other_sources_are_one_component(monkeypatch):
    one_patch_an_island(monkeypatch)
    image = three_blobs()
    own = np.zeros((150, 150), bool)
    own[72:78, 72:78] = True
    found = explain(image, likelier, own)
    (other,) = (one for one in found.components if one.name == "other emission")
    np.testing.assert_array_equal(other.pixels, (image > 0) & ~own)
    assert other.evidence == pytest.approx(3.5)


def likelier(p: np.ndarray) -> str:
    return ("FRI", "FRII")[int(p.argmax())]


def one_patch_an_island(monkeypatch):
    monkeypatch.setattr("keras_astroattn.edge.explanation.COMPONENTS", 3)


def test_shares_and_effects_are_those_of_an_additive_network(monkeypatch):
    one_patch_an_island(monkeypatch)
    found = explain(three_blobs(), likelier)
    by_name = {one.name: one for one in found.components}
    assert set(by_name) == {"upper component", "central component", "lower component"}
    # evidence 3, -1 and 0.5, in absolute values 4.5 together
    shares = {name: one.share for name, one in by_name.items()}
    assert shares == pytest.approx(
        {"upper component": 3 / 4.5, "central component": -1 / 4.5, "lower component": 0.5 / 4.5},
        abs=1e-6,
    )
    # Without the upper blob the logit is -0.5: P(FRII) = 1 / (1 + e^0.5) = 0.3775
    assert by_name["upper component"].p_without == pytest.approx(0.37754, abs=1e-5)
    assert by_name["lower component"].p_without == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)
    assert found.counterfactual == ("upper component",)
    assert found.label_after == "FRI"
    assert found.evidence.sum() == pytest.approx(2.5, abs=1e-5)


def test_the_counterfactual_takes_no_more_components_than_needed(monkeypatch):
    one_patch_an_island(monkeypatch)

    def strict(p):
        """FRI needs a probability of 0.7: here -1 alone gives 0.73, -0.5 does not."""
        return "FRI" if p[0] > 0.7 else "FRII"

    found = explain(three_blobs(), strict)
    assert set(found.counterfactual) == {"upper component", "lower component"}
    assert found.label_after == "FRI"


@pytest.mark.parametrize(("needed", "passes"), [({0, 1}, 5), ({0, 1, 2, 3}, 5), ({0, 3}, 5)])
def test_the_counterfactual_is_found_in_few_passes(needed, passes):
    """Eight components, of which the label hangs on those that are `needed`, all of them."""
    cutout = cutout_from_array(three_blobs())
    masks = np.zeros((8, 150, 150), bool)
    for number in range(8):
        masks[number, 30 + number // 2, 72 + 3 * (number % 2) : 75 + 3 * (number % 2)] = True
    effects = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85]
    components = [
        Component(f"part {number}", mask, 0.1, 1.0, 0.1, effect, "FRII")
        for number, (mask, effect) in enumerate(zip(masks, effects, strict=True))
    ]
    seen = []

    def predict(images):
        seen.append(len(images))
        gone = {n for n, mask in enumerate(masks) if (images[0][mask] == -1).all()}
        return np.array([[0.9, 0.1] if needed <= gone else [0.1, 0.9]])

    names, label = _counterfactual(cutout, components, "FRII", predict, likelier)
    assert needed <= {int(name.removeprefix("part ")) for name in names}
    assert (len(names), label) == (len(needed), "FRI")
    assert sum(seen) <= passes


def test_an_explanation_is_one_sentence_and_json(monkeypatch):
    one_patch_an_island(monkeypatch)
    found = explain(three_blobs(), likelier)
    assert repr(found) == (
        "FRII with P = 0.92: the upper component gives 67 % of the evidence, and P = 0.38 without "
        "it; the label changes to FRI without the upper component."
    )
    stored = json.loads(found.to_json())
    assert stored["counterfactual"] == ["upper component"]
    assert sum(abs(one["share"]) for one in stored["components"]) == pytest.approx(1)


def test_a_sure_answer_is_written_with_the_digits_that_tell_it_from_1(monkeypatch):
    one_patch_an_island(monkeypatch)
    # Logits 6 - 2 + 1 = 5, and 7 without the middle: P = 0.9933 and 0.99909.
    html = explain(three_blobs(), likelier, scale=2)._repr_html_()
    assert "FRII with P = 0.99: " in html
    assert "<td>0.999</td>" in html
    # Logits 25 and 35: P differs from 1 by less than 1e-10.
    surest = explain(three_blobs(), likelier, scale=10)
    assert repr(surest).startswith("FRII with P > 0.9999: the upper component")
    table = ElementTree.fromstring(f"<div>{surest._repr_html_()}</div>")
    assert "> 0.9999" in [cell.text for cell in table.iter("td")]


def test_a_notebook_shows_the_components_in_a_table(monkeypatch):
    one_patch_an_island(monkeypatch)
    table = ElementTree.fromstring(f"<div>{explain(three_blobs(), likelier)._repr_html_()}</div>")
    rows = [[cell.text for cell in row] for row in table.iter("tr")]
    assert rows[0][0] == "component"
    # Brightness 60, 40 and 80 of 180.
    assert rows[1][:4] == ["upper component", "33 %", "FRII 3.00", "67 %"]
    assert rows[3][:4] == ["central component", "22 %", "FRI 1.00", "-22 %"]


def test_an_uncertain_source_is_explained_by_its_likelier_class(monkeypatch):
    one_patch_an_island(monkeypatch)
    text = repr(explain(three_blobs(), lambda p: "uncertain"))
    assert text.startswith("uncertain, rather FRII with P = 0.92: the upper component gives 67 %")
    assert text.endswith("no deletion that was tried changes the label.")


def test_components_in_one_direction_are_distinguished_by_distance():
    offsets = [np.array(place, float) for place in ((0, -30), (0, -10), (0, -20), (0, 9), (1, 1))]
    assert _names(offsets, None) == [
        "outer upper component",
        "inner upper component",
        "middle upper component",
        "lower component",
        "central component",
    ]
    assert _names([np.array([0.0, -k]) for k in (40, 10, 20, 30)], None) == [
        f"upper component {k}" for k in (4, 1, 2, 3)
    ]


def test_without_a_class_there_is_nothing_to_explain():
    assert repr(Explanation(Classification("compact"))) == (
        "compact: the network gives no class, so there is nothing to explain."
    )


@pytest.mark.parametrize(
    ("offset", "name"),
    [
        ((0, 1), "northern"),
        ((-1, 1), "north-eastern"),
        ((-1, 0), "eastern"),
        ((1, -1), "south-western"),
    ],
)
def test_directions_on_the_sky_follow_north_and_east(offset, name):
    """A FITS map with north up: rows grow to the north, columns to the west."""
    assert direction_name(offset, ((0.0, 1.0), (-1.0, 0.0))) == name


def test_directions_of_a_turned_map_and_of_a_picture():
    assert direction_name((1, 0), ((1.0, 0.0), (0.0, 1.0))) == "northern"
    assert direction_name((0, -3), None) == "upper"
    assert direction_name((3, 3), None) == "lower-right"
    assert len(COMPASS) == len(PICTURE) == 8
