/** Pixels of a map that hold no measurement of the sky: NaN, and areas of one value. */
import {
  COARSE_BLOCK,
  COARSE_SHARE,
  EVERY,
  FADING,
  FILL_VALUES,
  LEAST_AREA,
  LEAST_NEGATIVE,
  LEAST_NEGATIVE_SHARE,
  MOST_GAP,
} from "../../generated/constants";
import { count, grown, islandsOf, type Grid } from "./grid";
import { percentile } from "./statistics";

/** Mask of the unknown pixels, and whether the sky is exactly 0, which hides the noise. */
export function examine(field: Grid): { unknown: Uint8Array; isBlanked: boolean } {
  const { width, pixels } = field;
  const unknown = new Uint8Array(pixels.length);
  const across = new Uint8Array(pixels.length); // repeats the pixel to the left
  const down = new Uint8Array(pixels.length); // repeats the pixel of the row before
  const zero = new Uint8Array(pixels.length);
  for (let i = 0, x = 0; i < pixels.length; i++) {
    const value = pixels[i]!;
    unknown[i] = Number(!Number.isFinite(value));
    across[i] = Number(x > 0 && value === pixels[i - 1]);
    down[i] = Number(i >= width && value === pixels[i - width]);
    zero[i] = Number(value === 0);
    x = x === width - 1 ? 0 : x + 1;
  }
  if (count(across) + count(down) < LEAST_AREA - 1 && count(zero) < LEAST_AREA) {
    return { unknown, isBlanked: false };
  }
  const { areas, coarse } = constantAreas(field, zero, across, down);
  for (let i = 0; i < areas.length; i++) if (unknown[i]) areas[i] = 0;
  if (!count(areas)) return { unknown, isBlanked: false };
  const known = pixels.filter((_, i) => !unknown[i]);
  if (known.every((value) => value === known[0])) {
    return { unknown: new Uint8Array(pixels.length).fill(1), isBlanked: false };
  }
  if (hasNoise(field, areas, unknown, coarse)) {
    return { unknown: unknown.map((value, i) => value | areas[i]!), isBlanked: false };
  }
  return { unknown, isBlanked: areas.some((value, i) => value && zero[i]) };
}

function constantAreas(field: Grid, zero: Uint8Array, across: Uint8Array, down: Uint8Array) {
  const { width, pixels } = field;
  if (isCoarse(pixels.filter((_, i) => !zero[i]).filter((_, i) => i % EVERY === 0))) {
    return { areas: blocks(across, down, width), coarse: true };
  }
  const tied = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    if (across[i]) tied[i] = tied[i - 1] = 1;
    if (down[i]) tied[i] = tied[i - width] = 1;
  }
  const areas = largeIslands(zero, width);
  const candidates = largeIslands(tied.map((value, i) => value & (zero[i]! ^ 1)), width);
  const counts = new Map<number, number>();
  candidates.forEach((chosen, i) => {
    if (chosen) counts.set(pixels[i]!, (counts.get(pixels[i]!) ?? 0) + 1);
  });
  for (const [value, number] of counts) {
    if (number < LEAST_AREA) continue;
    const same = candidates.map((chosen, i) => chosen & Number(pixels[i] === value));
    largeIslands(same, width).forEach((inside, i) => {
      if (inside) areas[i] = 1;
    });
  }
  return { areas, coarse: false };
}

/** Whether most pixels share their value with many others, a few fill values aside. */
function isCoarse(values: Float32Array): boolean {
  const number = new Map<number, number>(); // a Map holds one NaN, as numpy.unique does
  for (const value of values) number.set(value, (number.get(value) ?? 0) + 1);
  const counts = [...number.values()].sort((a, b) => a - b).slice(0, -FILL_VALUES);
  let total = 0;
  let squares = 0;
  for (const each of counts) {
    total += each;
    squares += each * each;
  }
  return squares > COARSE_SHARE * values.length * total;
}

function largeIslands(mask: Uint8Array, width: number): Uint8Array {
  const large = new Uint8Array(mask.length);
  for (const island of islandsOf(mask, width)) {
    if (island.length >= LEAST_AREA) for (const place of island) large[place] = 1;
  }
  return large;
}

/** Mask of all square blocks of one value, 12 pixels wide. */
function blocks(across: Uint8Array, down: Uint8Array, width: number): Uint8Array {
  const height = across.length / width;
  const found = new Uint8Array(across.length);
  const isBlock = (top: number, left: number): boolean => {
    for (let row = top; row < top + COARSE_BLOCK; row++) {
      for (let x = left + 1; x < left + COARSE_BLOCK; x++) if (!across[row * width + x]) return false;
      if (row > top && !down[row * width + left]) return false;
    }
    return true;
  };
  for (let top = 0; top + COARSE_BLOCK <= height; top++) {
    for (let left = 0; left + COARSE_BLOCK <= width; left++) {
      if (!isBlock(top, left)) continue;
      for (let row = top; row < top + COARSE_BLOCK; row++) {
        found.fill(1, row * width + left, row * width + left + COARSE_BLOCK);
      }
    }
  }
  return found;
}

/** Whether the pixels outside the areas and their rims hold noise. */
function hasNoise(field: Grid, areas: Uint8Array, unknown: Uint8Array, coarse: boolean): boolean {
  const near = grown(areas, field.width);
  const values = field.pixels.filter((_, i) => !near[i] && !unknown[i]);
  const negative = Float64Array.from(values.filter((value) => value < 0), (value) => -value).sort();
  if (negative.length < Math.max(LEAST_NEGATIVE, LEAST_NEGATIVE_SHARE * values.length)) return false;
  if (coarse) return true; // rounding removes small values
  const [small, typical] = [percentile(negative, 10), percentile(negative, 50)];
  const rim = Float64Array.from(
    field.pixels.filter((_, i) => near[i] && !areas[i] && !unknown[i]),
    Math.abs,
  ).sort();
  const fades = rim.length > 0 && percentile(rim, 50) < FADING * typical;
  return small < MOST_GAP * typical && !fades;
}
