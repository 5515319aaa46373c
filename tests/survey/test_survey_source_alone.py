"""A survey with a network that sees the source alone."""

import numpy as np
import pytest
from support.small_survey import World, read_result
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.edge import Classifier
from keras_astroattn.images import read_fits

SIGMA = 1.5e-4
POSITIONS = ((180.0, 30.0), (181.0, 30.0))
INSIDE = (slice(190, 196), slice(190, 196))
OUTSIDE = (slice(10, 16), slice(10, 16))
BRIGHT = 0.01 * np.arange(1, 37).reshape(6, 6)
"""Of different values: an area of one value is unknown."""


def write_tiles(folder) -> list[str]:
    """Fields of two lobes with a bright neighbour in the field outside the frame, and in the frame.

    Both fields hold the same pixels, so they have the same noise.
    """
    folder.mkdir()
    paths = []
    for number, neighbour in enumerate((OUTSIDE, INSIDE)):
        field = noise((300, 300), SIGMA, seed=4)
        for x in (134.5, 164.5):
            field += gaussian((300, 300), x, 149.5, 9, peak=50 * SIGMA, scale=1.8).astype("f4")
        field[INSIDE] = field[OUTSIDE]
        field[neighbour] = BRIGHT
        header = celestial_header((300, 300), *POSITIONS[number])
        paths.append(str(write(folder / f"{number}.fits", field, header)))
    return paths


@pytest.fixture
def answers(world: World, tmp_path):
    """A function from a model's path to P(FRI) of the survey for both fields."""
    rows = "".join(f"{ra},{dec}\n" for ra, dec in POSITIONS)
    (tmp_path / "two.csv").write_text(f"ra,dec\n{rows}")

    def survey(model):
        output = tmp_path / model.stem
        arguments = world.arguments(tmp_path / "two.csv", output, "--workers", 1)
        arguments[arguments.index("--images") + 1] = str(tmp_path / "tiles")
        done = world.run(*arguments, "--model", model)
        assert done.returncode == 0, done.stderr
        return [row["aa_p_fri"] for row in read_result(output)]

    return survey


@pytest.mark.slow
def test_a_bright_neighbour_does_not_change_the_answer(answers, alone_path, votes_path, tmp_path):
    paths = write_tiles(tmp_path / "tiles")
    one, other = (read_fits(*both) for both in zip(paths, POSITIONS, strict=True))
    assert other.brightness[other.pixels == 255] == pytest.approx(0.36)
    np.testing.assert_array_equal(one.source_mask, other.source_mask)
    without, within = answers(alone_path)
    assert without is not None
    assert within == without == Classifier(alone_path).classify(one).p_fri
    without, within = answers(votes_path)
    assert within != without


def test_neighbours_are_not_masked_for_a_network_that_does_not_see_them(
    alone_path, tmp_path, capsys
):
    inputs = ("--catalogue", tmp_path / "a.csv", "--images", tmp_path / "*.fits")
    output = ("--output", tmp_path / "scored", "--model", alone_path, "--mask-neighbours")
    assert run_app(app, [str(one) for one in ("survey", *inputs, *output)]) == 2
    err = capsys.readouterr().err
    assert f"{alone_path}, which sees the source alone" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "scored").exists()
