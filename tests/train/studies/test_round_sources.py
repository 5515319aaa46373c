"""Rings and ellipses of known shape, and the rows of the table."""

from types import SimpleNamespace

import numpy as np
import pytest

from keras_astroattn.images.flags import ROUND
from train.studies.round_sources.__main__ import Trial, lost_rows, main, shape_row, trial
from train.studies.round_sources.shapes import KINDS, RATIOS, Shape, observe_shape


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_again_and_seen(kind):
    one, again = observe_shape(kind, 3, 1), observe_shape(kind, 3, 1)
    np.testing.assert_array_equal(one.cutout.pixels, again.cutout.pixels)
    assert RATIOS[0] <= one.ratio <= RATIOS[1]
    assert one.cutout.beam.mean == 15.0
    if one.ratio > 10:
        assert one.cutout.peak_snr > 5


def test_lost_classes_are_those_of_flagged_sources_with_a_class():
    trials = [
        Trial(True, ("FRI", "uncertain")),
        Trial(True, ("unresolved", "uncertain")),
        Trial(False, ("FRII", "uncertain")),
        Trial(False, ("FRI", "compact")),
        Trial(False, ("FRI", "compact")),
    ]
    rows = list(lost_rows("name", ("a", "b"), trials))
    assert rows == [("name", "a", 4, 1, "25.00 %"), ("name", "b", 0, 0, "-")]


class Constant:
    """A classifier that gives every source one label, and remembers the flags that it saw."""

    def __init__(self, label):
        self.label, self.seen = label, []

    def classify(self, cutout):
        self.seen.append(cutout.flags)
        return SimpleNamespace(label=self.label)


def test_the_flag_is_removed_before_a_source_is_classified():
    cutout = observe_shape("even ring", 3, 0).cutout
    assert ROUND in cutout.flags
    classifier = Constant("FRI")
    assert trial([classifier], cutout) == Trial(True, ("FRI",))
    assert classifier.seen == [tuple(one for one in cutout.flags if one != ROUND)]


def test_faint_shapes_do_not_count():
    cutout = observe_shape("even ring", 3, 0).cutout
    drawn = [Shape("even ring", 9.0, cutout), Shape("even ring", 50.0, cutout)]
    row = shape_row("even ring", drawn, [Constant("FRI"), Constant("uncertain")])
    assert row == ("even ring", 1, "100 %", "0 %, 100 %", "100 %, 100 %")


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert main(["--data-dir", str(tmp_path), "--shapes", "1", "--galaxies", "1"]) == 2
    assert "Traceback" not in capsys.readouterr().err
