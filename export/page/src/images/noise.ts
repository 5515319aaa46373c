/** The noise of a field: sigma clipping, and the sky of a field in which the source is large. */
import {
  LARGEST_FLOAT32,
  LEAST_BEAMS,
  LEAST_SHARE,
  FULL_SHARE,
  MAD_TO_SIGMA,
  MOST_EXCESS,
  NOISE_CLIP_ITERATIONS,
  NOISE_CLIP_SIGMA,
  SKY_SHARE,
  SQUARES_IN_RANGE,
} from "../../generated/constants";
import { InputError } from "./errors";
import { firstFrom, median32, std32 } from "./statistics";

/** Sigma-clipped standard deviation of a map (3 sigma, 5 iterations); NaN without a finite pixel. */
export function measureNoise(field: Float32Array): number {
  let values = within(field, -LARGEST_FLOAT32, LARGEST_FLOAT32);
  if (!values.length) return NaN;
  let brightest = largest(values);
  let exponent = 0;
  if (brightest && !(SQUARES_IN_RANGE[0] < brightest && brightest < SQUARES_IN_RANGE[1])) {
    const sizes = values.filter((value) => value !== 0).map(Math.abs).sort();
    exponent = Math.floor(Math.log2(median32(sizes))) + 1;
    values = values.map((value) => value * 2 ** -exponent);
    brightest = largest(values);
  }
  if (brightest * brightest > LARGEST_FLOAT32 / values.length) {
    const stated = (brightest * 2 ** exponent).toExponential(1);
    throw new InputError(
      `a pixel holds ${stated}, which no radio map does: check the file and its BSCALE`,
    );
  }
  const sorted = values.slice().sort();
  let first = 0;
  let last = sorted.length;
  let kept = values;
  for (let iteration = 0; iteration < NOISE_CLIP_ITERATIONS; iteration++) {
    const median = median32(sorted, first, last);
    const reach = Math.fround(std32(kept) * NOISE_CLIP_SIGMA);
    const below = Math.max(first, firstFrom(sorted, Math.fround(median - reach)));
    const above = Math.min(last, firstFrom(sorted, Math.fround(median + reach), false));
    if (below === first && above === last) break;
    [first, last] = [below, above];
    const low = sorted[first]!;
    const high = sorted[last - 1]!;
    kept = within(values, low, high);
  }
  return std32(kept) * 2 ** exponent;
}

/** The values between two bounds, in their order. */
function within(values: Float32Array, low: number, high: number): Float32Array {
  const kept = new Float32Array(values.length);
  let count = 0;
  for (const value of values) if (value >= low && value <= high) kept[count++] = value;
  return kept.subarray(0, count);
}

function largest(values: Float32Array): number {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}

/**
 * Noise of the sky in a field, and whether it is certain.
 *
 * @param full - Number of pixels of a full field.
 * @param beamArea - Pixels in a beam, over which noise is correlated.
 */
export function measureSkyNoise(
  field: Float32Array,
  full: number,
  beamArea: number,
): { noise: number; certain: boolean } {
  const clipped = measureNoise(field);
  const known = field.reduce((count, value) => count + Number(Number.isFinite(value)), 0);
  if (known >= FULL_SHARE * full || !(clipped > 0)) return { noise: clipped, certain: true };
  const negative = Float64Array.from(field.filter((value) => value < 0), (value) => -value).sort();
  const share = negative.length / known;
  const beams = negative.length / Math.max(beamArea, 1);
  const certain = share >= SKY_SHARE || (share >= LEAST_SHARE && beams >= LEAST_BEAMS);
  if (!negative.length) return { noise: clipped, certain: false };
  const middle = negative.length >> 1;
  const median =
    negative.length % 2 ? negative[middle]! : (negative[middle - 1]! + negative[middle]!) / 2;
  const half = MAD_TO_SIGMA * median;
  return { noise: clipped > MOST_EXCESS * half ? half : clipped, certain };
}
