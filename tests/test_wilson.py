"""Intervals of proportions."""

import pytest

from keras_astroattn.wilson import conservative_wilson_interval, wilson_interval

# Newcombe 1998, table I: successes, trials, method 3 (Wilson), method 4 (with the correction).
PUBLISHED = [
    (81, 263, (0.2553, 0.3662), (0.2535, 0.3682)),
    (15, 148, (0.0624, 0.1605), (0.0598, 0.1644)),
    (0, 20, (0.0, 0.1611), (0.0, 0.2005)),
    (1, 29, (0.0061, 0.1718), (0.0018, 0.1963)),
]


@pytest.mark.parametrize(("successes", "trials", "plain", "corrected"), PUBLISHED)
def test_intervals_are_those_that_newcombe_published(successes, trials, plain, corrected):
    share = successes / trials
    assert wilson_interval(share, trials) == pytest.approx(plain, abs=6e-5)
    assert conservative_wilson_interval(share, trials) == pytest.approx(corrected, abs=6e-5)
    low, high = conservative_wilson_interval(1 - share, trials)
    assert (1 - high, 1 - low) == pytest.approx(corrected, abs=6e-5)


@pytest.mark.parametrize("trials", [1, 3, 7, 20, 49, 1000])
def test_a_share_of_none_or_all_lies_in_its_interval_exactly(trials):
    for interval in (wilson_interval, conservative_wilson_interval):
        assert interval(0.0, trials)[0] == 0.0
        assert interval(1.0, trials)[1] == 1.0
