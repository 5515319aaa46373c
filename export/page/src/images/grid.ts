/** A map as rows of float32 pixels, and masks of the same size. */

export interface Grid {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

export function grid(width: number, height: number, pixels?: Float32Array): Grid {
  return { width, height, pixels: pixels ?? new Float32Array(width * height) };
}

/** Part of a map, cut at its edge. */
export function section(map: Grid, left: number, top: number, right: number, bottom: number): Grid {
  const [x0, x1] = [clamp(left, map.width), clamp(right, map.width)];
  const [y0, y1] = [clamp(top, map.height), clamp(bottom, map.height)];
  const cut = grid(Math.max(x1 - x0, 0), Math.max(y1 - y0, 0));
  for (let row = 0; row < cut.height; row++) {
    const start = (y0 + row) * map.width;
    cut.pixels.set(map.pixels.subarray(start + x0, start + x0 + cut.width), row * cut.width);
  }
  return cut;
}

/** `width` x `height` pixels of a map from (`left`, `top`); NaN beyond its edge. */
export function window(map: Grid, left: number, top: number, width: number, height: number): Grid {
  const cut = grid(width, height, new Float32Array(width * height).fill(NaN));
  const [x0, x1] = [clamp(left, map.width), clamp(left + width, map.width)];
  for (let y = clamp(top, map.height); y < clamp(top + height, map.height); y++) {
    const row = map.pixels.subarray(y * map.width + x0, y * map.width + Math.max(x0, x1));
    cut.pixels.set(row, (y - top) * width + (x0 - left));
  }
  return cut;
}

/** Means of the whole blocks of `block` x `block` pixels of a map. */
export function inBlocks(map: Grid, block: number): Grid {
  const [width, height] = [Math.floor(map.width / block), Math.floor(map.height / block)];
  const means = grid(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let row = y * block; row < (y + 1) * block; row++) {
        for (let column = x * block; column < (x + 1) * block; column++) {
          sum += map.pixels[row * map.width + column]!;
        }
      }
      means.pixels[y * width + x] = sum / (block * block);
    }
  }
  return means;
}

function clamp(place: number, extent: number): number {
  return Math.min(Math.max(place, 0), extent);
}

export function count(mask: Uint8Array): number {
  let found = 0;
  for (const value of mask) found += value;
  return found;
}

/** A mask extended by its eight neighbours. */
export function grown(mask: Uint8Array, width: number): Uint8Array {
  const height = mask.length / width;
  const wide = mask.slice();
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const x = i % width;
    if (x > 0) wide[i - 1] = 1;
    if (x < width - 1) wide[i + 1] = 1;
  }
  const tall = wide.slice();
  for (let i = 0; i < wide.length; i++) {
    if (!wide[i]) continue;
    if (i >= width) tall[i - width] = 1;
    if (i < (height - 1) * width) tall[i + width] = 1;
  }
  return tall;
}

/** Connected pixels (eight neighbours) of a mask, each island in the order of its pixels. */
export function islandsOf(mask: Uint8Array, width: number): number[][] {
  const height = mask.length / width;
  const label = new Int32Array(mask.length);
  let labels = 0;
  const waiting: number[] = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || label[start]) continue;
    label[start] = ++labels;
    waiting.push(start);
    while (waiting.length) {
      const place = waiting.pop()!;
      const x = place % width;
      const y = (place - x) / width;
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
          const next = row * width + column;
          if (mask[next] && !label[next]) {
            label[next] = labels;
            waiting.push(next);
          }
        }
      }
    }
  }
  const islands: number[][] = Array.from({ length: labels }, () => []);
  for (let i = 0; i < mask.length; i++) if (label[i]) islands[label[i]! - 1]!.push(i);
  return islands;
}
