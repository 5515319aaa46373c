"""Iterated sigma clipping: the result of NumPy to the last bit, without a pass per iteration."""

import copy
import math

import numpy as np

_SAMPLE = 4096  # values from which quantiles of all values are estimated
_MIDDLE = (0.43, 0.55)  # quantiles between which the medians are searched
_DEVIATION = (0.16, 0.84)  # quantiles of Gaussian noise that are two standard deviations apart
_FAR = 2.3  # standard deviations from the median; bounds of 3 sigma are rarely nearer
_ROUNDINGS = 16  # the result of NumPy may differ from the sums here by fewer rounding errors
_LEAST_ROUNDING = 1e-9  # relative rounding error of the sums here
_CANCELLED = 1e-5  # share of a sum of squares; what remains below it has larger rounding errors


class Clipping:
    """Values from which those far from the median are clipped repeatedly.

    The values that remain lie between two bounds. So it is enough to sort once the values around
    the middle, which contain every median, and the values far out, which the bounds pass. The
    standard deviation comes from float64 sums, from which the clipped values are subtracted. If
    a value lies so near to a bound that rounding decides, and for the final result, it is
    computed as `numpy.std` does, in the same order, because float32 sums depend on the order.

    Args:
        values: (n,) finite, of any floating type; at least one.
    """

    def __init__(self, values: np.ndarray):
        kind = values.dtype.type
        self._values = values
        self._rounding = max(_ROUNDINGS * float(np.finfo(values.dtype).eps), _LEAST_ROUNDING)
        self._low, self._high = kind(-np.inf), kind(np.inf)
        sample = np.sort(values[:: max(values.size // _SAMPLE, 1)])  # faster than np.partition
        low, high, *middle = (sample[int(sample.size * q)] for q in (*_DEVIATION, *_MIDDLE))
        self._around = middle
        self._first = np.count_nonzero(values < middle[0])
        self._middle = np.sort(self._in_middle(values))
        self._centre = (float(low) + float(high)) / 2
        self._sums = self._sums_of(values)
        self._largest_square = self._sums[1]
        reach = _FAR * (float(high) - float(low)) / 2
        self._sort_outside(self._centre - reach, self._centre + reach)

    def exchanged(self, values: np.ndarray, removed: np.ndarray, added: np.ndarray) -> "Clipping":
        """Return the clipping of other values of which most are these, in less time.

        Args:
            values: (m,) finite, of the same type: these without `removed` and with `added`.
            removed: (r,) values that are no longer there.
            added: (a,) values that are new.
        """
        kind = values.dtype.type
        new = copy.copy(self)
        before, after = self._sums_of(removed), self._sums_of(added)
        new._sums = tuple(s - b + a for s, b, a in zip(self._sums, before, after, strict=True))
        new._largest_square = max(self._largest_square, self._sums[1] + after[1])
        if new._sums[1] < _CANCELLED * new._largest_square:  # a very bright source has left
            return Clipping(values)
        new._values, new._low, new._high = values, kind(-np.inf), kind(np.inf)
        below = [np.count_nonzero(part < self._around[0]) for part in (removed, added)]
        new._first = self._first - below[0] + below[1]
        new._middle = _exchanged(self._middle, *map(self._in_middle, (removed, added)))
        new._keep_far(_exchanged(self._far, *map(self._outside, (removed, added))))
        return new

    def clip(self, sigma: float) -> bool:
        """Clip the values further than `sigma` standard deviations from the median.

        Args:
            sigma: number of standard deviations.

        Returns:
            Whether any value was clipped.
        """
        median = self._median()
        reach = sigma * self.deviation()
        doubt = self._rounding * (reach + abs(float(median)))
        low, high = float(median) - reach, float(median) + reach
        if low + doubt > self._inside[0] or high - doubt < self._inside[1]:
            self._sort_outside(np.inf, -np.inf)
        before = self._below, self._above
        bounds = [low - doubt, low + doubt, high - doubt, high + doubt]
        below, up_to_below, from_above, above = self._far.searchsorted(bounds).tolist()
        is_doubtful = below != up_to_below or from_above != above
        if is_doubtful:
            reach = self.kept().std() * sigma
            low, high = median - reach, median + reach
        self._low = max(self._low, self._values.dtype.type(low))
        self._high = min(self._high, self._values.dtype.type(high))
        if is_doubtful:
            self._count()
        else:
            self._below = max(self._below, below)
            self._above = max(self._above, len(self._far) - above)
        return (self._below, self._above) != before

    def kept(self) -> np.ndarray:
        """Return the (m,) values that are not clipped, in their order."""
        if not self._below + self._above:
            return self._values
        return self._values[(self._values >= self._low) & (self._values <= self._high)]

    def deviation(self) -> float:
        """Return the standard deviation of `kept`, from sums in float64.

        A clipped value that is much brighter than all others leaves only the rounding errors of
        the sums; then the deviation is computed from the values.
        """
        last, above = len(self._far), len(self._far) - self._above
        count = self._values.size - self._below - self._above
        total, square = (
            every - float(far[self._below] + far[last] - far[above])
            for every, far in zip(self._sums, self._far_sums, strict=True)
        )
        if square < _CANCELLED * self._largest_square:
            return float(self.kept().std(dtype=np.float64))
        mean = total / count
        return math.sqrt(max(square / count - mean * mean, 0.0))

    def _in_middle(self, values: np.ndarray) -> np.ndarray:
        return chosen(values, (values >= self._around[0]) & (values <= self._around[1]))

    def _outside(self, values: np.ndarray) -> np.ndarray:
        low, high = map(values.dtype.type, self._inside)
        return values[(values < low) | (values > high)]

    def _sums_of(self, values: np.ndarray) -> tuple[float, float]:
        """Return the sums of the offsets from a value near the median, and of their squares."""
        offsets = np.subtract(values, self._centre, dtype=np.float64)
        total = float(offsets.sum())
        offsets *= offsets  # not a product of vectors, for which NumPy's BLAS would start threads
        return total, float(offsets.sum())

    def _sort_outside(self, low: float, high: float) -> None:
        """Sort the values that are not between two values; all values if the bounds cross."""
        self._inside = low, high
        self._keep_far(np.sort(self._outside(self._values)))

    def _keep_far(self, values: np.ndarray) -> None:
        """Keep the sorted values that the bounds may pass, and sums of the first of them."""
        self._far = values
        offsets = np.subtract(values, self._centre, dtype=np.float64)
        self._far_sums = np.zeros((2, len(offsets) + 1))
        np.cumsum([offsets, offsets * offsets], axis=1, out=self._far_sums[:, 1:])
        self._count()

    def _count(self) -> None:
        """Count the values clipped below and above."""
        self._below = int(self._far.searchsorted(self._low))
        self._above = len(self._far) - int(self._far.searchsorted(self._high, "right"))

    def _median(self) -> np.floating:
        count = self._values.size - self._below - self._above
        upper = self._below + count // 2 - self._first
        lower = upper - 1 + count % 2
        if lower >= 0 and upper < self._middle.size:
            pair = self._middle[[lower, upper]]
        else:
            pair = np.array(around_median(self.kept()))
        # `mean` of two values takes longer, and adds float16 in another type.
        return pair.mean() if pair.itemsize < 4 else (pair[0] + pair[1]) * pair.dtype.type(0.5)


def chosen(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the (n,) values where a mask is True.

    With a boolean index, the processor guesses at each value whether it is taken. This takes 2 to
    4 times as long if over a tenth of the values are taken, at random places.
    """
    return values[np.flatnonzero(mask)]


def around_median(values: np.ndarray) -> tuple[np.floating, np.floating]:
    """Return the two values around the median, whose mean it is; one twice if n is odd.

    `numpy.median` takes nine times as long, because it partitions at two places at once.

    Args:
        values: (n,) without NaN; at least one.
    """
    upper = values.size // 2
    halves = np.partition(values, upper)
    lower = halves[upper] if values.size % 2 else halves[:upper].max()
    return lower, halves[upper]


def _exchanged(values: np.ndarray, removed: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return sorted values without some of them and with others, sorted."""
    removed = np.sort(removed)
    equal = np.arange(removed.size) - np.searchsorted(removed, removed)
    left = np.delete(values, np.searchsorted(values, removed) + equal)
    return np.sort(np.concatenate([left, added]))
