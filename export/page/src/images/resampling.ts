/** Smoothing of a map to another beam, and resampling to another grid. */
import { MIN_WEIGHT, REACH } from "../../generated/constants";
import { complex, fastLength, Transform, type Complex } from "./fourier";
import { grid, type Grid } from "./grid";
import { largestEigenvalue, type Matrix } from "./matrix";

/** Reach of a Gaussian with a covariance in square pixels, pixels. */
export function smoothingMargin(kernel: Matrix): number {
  return Math.ceil(REACH * Math.sqrt(Math.max(largestEigenvalue(kernel), 0)));
}

/** Convolve a map with a Gaussian of unit sum; unknown pixels stay NaN and have no weight. */
export function smooth(field: Grid, kernel: Matrix): Grid {
  const margin = smoothingMargin(kernel);
  const width = fastLength(field.width + margin);
  const height = fastLength(field.height + margin);
  // The map is the real part and the mask of known pixels the imaginary part of one transform.
  const values = complex(width * height);
  field.pixels.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    const place = Math.floor(i / field.width) * width + (i % field.width);
    values.real[place] = value;
    values.imaginary[place] = 1;
  });
  transform(values, width, height, -1);
  const [[xx, xy], [, yy]] = kernel;
  for (let row = 0; row < height; row++) {
    const v = (row < height / 2 ? row : row - height) / height;
    for (let column = 0; column < width; column++) {
      const u = (column < width / 2 ? column : column - width) / width;
      const power = xx * u * u + 2 * xy * u * v + yy * v * v;
      const factor = Math.exp(-2 * Math.PI ** 2 * power);
      values.real[row * width + column]! *= factor;
      values.imaginary[row * width + column]! *= factor;
    }
  }
  transform(values, width, height, 1);
  const smoothed = grid(field.width, field.height);
  smoothed.pixels.forEach((_, i) => {
    const place = Math.floor(i / field.width) * width + (i % field.width);
    const weight = values.imaginary[place]!;
    const known = Number.isFinite(field.pixels[i]) && weight > 0;
    smoothed.pixels[i] = known ? values.real[place]! / weight : NaN;
  });
  return smoothed;
}

function transform(values: Complex, width: number, height: number, sign: 1 | -1): void {
  const rows = new Transform(width);
  for (let row = 0; row < height; row++) {
    const [start, stop] = [row * width, (row + 1) * width];
    const part = {
      real: values.real.subarray(start, stop),
      imaginary: values.imaginary.subarray(start, stop),
    };
    rows.run(part, sign);
  }
  const columns = new Transform(height);
  const column = complex(height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      column.real[y] = values.real[y * width + x]!;
      column.imaginary[y] = values.imaginary[y * width + x]!;
    }
    columns.run(column, sign);
    for (let y = 0; y < height; y++) {
      values.real[y * width + x] = column.real[y]!;
      values.imaginary[y * width + x] = column.imaginary[y]!;
    }
  }
}

/** Interpolate a map at the points of another grid with the same axes (Keys 1981, a = -1/2). */
export function regrid(
  field: Grid,
  origin: readonly [number, number],
  step: readonly [number, number],
  size: number,
): Grid {
  const across = cubicWeights(origin[0], step[0], size, field.width);
  const down = cubicWeights(origin[1], step[1], size, field.height);
  const found = grid(size, size, new Float32Array(size * size).fill(NaN));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let [total, weight] = [0, 0];
      for (const [row, vertical] of down[y]!) {
        for (const [column, horizontal] of across[x]!) {
          const value = field.pixels[row * field.width + column]!;
          if (!Number.isFinite(value)) continue;
          total += value * vertical * horizontal;
          weight += vertical * horizontal;
        }
      }
      if (weight > MIN_WEIGHT) found.pixels[y * size + x] = total / weight;
    }
  }
  return found;
}

/** For each new pixel, the old pixels along one axis and their float32 weights. */
function cubicWeights(
  origin: number,
  step: number,
  size: number,
  extent: number,
): [number, number][][] {
  return Array.from({ length: size }, (_, k) => {
    const place = origin + step * k;
    const weights: [number, number][] = [];
    for (let old = Math.ceil(place - 2); old <= Math.floor(place + 2); old++) {
      if (old < 0 || old >= extent) continue;
      const d = Math.abs(place - old);
      const near = (1.5 * d - 2.5) * d ** 2 + 1;
      const far = ((-0.5 * d + 2.5) * d - 4) * d + 2;
      weights.push([old, Math.fround(d <= 1 ? near : d < 2 ? far : 0)]);
    }
    return weights;
  });
}
