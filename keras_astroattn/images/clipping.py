"""Iterated sigma clipping: the result of NumPy to the last bit, without a pass per iteration."""

import numpy as np

_SAMPLE = 4096  # values from which quantiles of all values are estimated
_MIDDLE = (0.455, 0.525)  # quantiles between which the medians are searched
_DEVIATION = (0.16, 0.84)  # quantiles of Gaussian noise that are two standard deviations apart
_FAR = 2.3  # standard deviations from the median; bounds of 3 sigma are rarely nearer
_ROUNDINGS = 16  # the result of NumPy may differ from the sums here by fewer rounding errors
_LEAST_ROUNDING = 1e-9  # relative rounding error of the sums here


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
        self._values = values
        self._rounding = max(_ROUNDINGS * float(np.finfo(values.dtype).eps), _LEAST_ROUNDING)
        self._low, self._high = values.dtype.type(-np.inf), values.dtype.type(np.inf)
        sample = np.sort(values[:: max(values.size // _SAMPLE, 1)])  # faster than np.partition
        low, high, *middle = (sample[int(sample.size * q)] for q in (*_DEVIATION, *_MIDDLE))
        self._first = int(np.count_nonzero(values < middle[0]))
        self._middle = np.sort(values[(values >= middle[0]) & (values <= middle[1])])
        self._centre = (float(low) + float(high)) / 2
        offsets = np.subtract(values, self._centre, dtype=np.float64)
        self._sums = np.array([offsets.sum(), np.einsum("i,i", offsets, offsets)])
        reach = _FAR * (float(high) - float(low)) / 2
        self._sort_outside(self._centre - reach, self._centre + reach)

    def clip(self, sigma: float) -> bool:
        """Clip the values further than `sigma` standard deviations from the median.

        Args:
            sigma: number of standard deviations.

        Returns:
            Whether any value was clipped.
        """
        median = self._median()
        reach = sigma * self._deviation()
        doubt = self._rounding * (reach + abs(float(median)))
        low, high = float(median) - reach, float(median) + reach
        if low + doubt > self._inside[0] or high - doubt < self._inside[1]:
            self._sort_outside(np.inf, -np.inf)
        if self._far_within(low, doubt) or self._far_within(high, doubt):
            reach = self.kept().std() * sigma
            low, high = median - reach, median + reach
        before = self._below, self._above
        self._low = max(self._low, self._values.dtype.type(low))
        self._high = min(self._high, self._values.dtype.type(high))
        self._count()
        return (self._below, self._above) != before

    def kept(self) -> np.ndarray:
        """Return the (m,) values that are not clipped, in their order."""
        if not self._below + self._above:
            return self._values
        return self._values[(self._values >= self._low) & (self._values <= self._high)]

    def _sort_outside(self, low: float, high: float) -> None:
        """Sort the values that are not between two values; all values if the bounds cross."""
        self._inside = low, high
        kind = self._values.dtype.type
        self._far = np.sort(self._values[(self._values < kind(low)) | (self._values > kind(high))])
        offsets = np.subtract(self._far, self._centre, dtype=np.float64)
        self._far_sums = np.zeros((2, len(offsets) + 1))
        np.cumsum([offsets, offsets * offsets], axis=1, out=self._far_sums[:, 1:])
        self._count()

    def _count(self) -> None:
        """Count the values clipped below and above."""
        self._below = int(np.searchsorted(self._far, self._low))
        self._above = len(self._far) - int(np.searchsorted(self._far, self._high, "right"))

    def _far_within(self, bound: float, doubt: float) -> bool:
        low, high = np.searchsorted(self._far, [bound - doubt, bound + doubt])
        return bool(low != high)

    def _median(self) -> np.floating:
        count = self._values.size - self._below - self._above
        upper = self._below + count // 2
        lower = upper - 1 + count % 2
        if self._first <= lower and upper < self._first + self._middle.size:
            return self._middle[lower - self._first : upper - self._first + 1].mean()
        return np.median(self.kept())

    def _deviation(self) -> float:
        last = len(self._far)
        clipped = self._far_sums[:, self._below] + self._far_sums[:, last]
        clipped -= self._far_sums[:, last - self._above]
        count = self._values.size - self._below - self._above
        mean, square = (self._sums - clipped) / count
        return float(np.sqrt(max(square - mean * mean, 0.0)))
