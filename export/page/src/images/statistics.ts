/**
 * Sums, medians and deviations with the rounding of NumPy.
 *
 * The noise decides which pixels are blanked, so it must equal NumPy's to the last bit. NumPy adds
 * float32 in pairs of blocks of up to 128 values, each with eight accumulators.
 */

type Rounding = (value: number) => number;

const BLOCK = 128;

function pairwise(values: ArrayLike<number>, start: number, count: number, round: Rounding): number {
  if (count < 8) {
    let sum = 0;
    for (let i = start; i < start + count; i++) sum = round(sum + values[i]!);
    return sum;
  }
  if (count <= BLOCK) {
    const sums: number[] = [];
    for (let k = 0; k < 8; k++) sums.push(values[start + k]!);
    const whole = count - (count % 8);
    for (let i = 8; i < whole; i += 8) {
      for (let k = 0; k < 8; k++) sums[k] = round(sums[k]! + values[start + i + k]!);
    }
    const [a, b, c, d, e, f, g, h] = sums as [number, number, number, number, number, number, number, number];
    let sum = round(
      round(round(a + b) + round(c + d)) + round(round(e + f) + round(g + h)),
    );
    for (let i = whole; i < count; i++) sum = round(sum + values[start + i]!);
    return sum;
  }
  let half = count >> 1;
  half -= half % 8;
  return round(
    pairwise(values, start, half, round) + pairwise(values, start + half, count - half, round),
  );
}

/** Sum of float32 values, rounded as `numpy.sum` rounds it. */
export function sum32(values: Float32Array): number {
  return pairwise(values, 0, values.length, Math.fround);
}

/** Sum of float64 values, rounded as `numpy.sum` rounds it. */
export function sum64(values: ArrayLike<number>): number {
  return pairwise(values, 0, values.length, (value) => value);
}

/** Standard deviation of float32 values, as `numpy.std` computes it. */
export function std32(values: Float32Array): number {
  const mean = Math.fround(sum32(values) / values.length);
  const squares = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const offset = Math.fround(values[i]! - mean);
    squares[i] = offset * offset;
  }
  return Math.fround(Math.sqrt(Math.fround(sum32(squares) / values.length)));
}

/** Median of sorted values from `first` to before `last`, rounded to float32. */
export function median32(sorted: Float32Array, first = 0, last = sorted.length): number {
  const count = last - first;
  const upper = sorted[first + (count >> 1)]!;
  if (count % 2) return upper;
  const lower = sorted[first + (count >> 1) - 1]!;
  return Math.fround(Math.fround(lower + upper) / 2);
}

/** Percentile of sorted float64 values, interpolated linearly as by `numpy.percentile`. */
export function percentile(sorted: Float64Array, share: number): number {
  const place = (share / 100) * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}

/** Index of the first sorted value that is not below `bound`. */
export function firstFrom(sorted: ArrayLike<number>, bound: number, inclusive = true): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle]!;
    if (inclusive ? value < bound : value <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
