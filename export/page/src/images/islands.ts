/** Selection of the source among the emission in a frame, and measurement of its size. */
import {
  BALANCE,
  CORE_RATIO,
  LOBE_RATIO,
  LONGEST_GAP,
  MASK_SIGMA,
  MIN_PIXELS,
  MIN_RELATIVE_PEAK,
  OFF_CENTRE_PIXELS,
  SMALLEST_REACH,
  SOURCE_SIGMA,
} from "../../generated/constants";
import { count, grown, islandsOf, type Grid } from "./grid";
import { sum64 } from "./statistics";

const ANGLES = Array.from({ length: 36 }, (_, k) => (k * Math.PI) / 36);

/** Extent and place of the source in a frame, pixels. */
export interface Extent {
  readonly found: boolean;
  readonly size: number;
  readonly peak: number;
  readonly distance: number;
  readonly touchesBorder: boolean;
  readonly mainShare: number;
  readonly mainSize: number;
  readonly incomplete: boolean;
}

type Point = readonly [number, number]; // row and column

interface Island {
  readonly points: Point[];
  readonly peak: number;
  readonly total: number;
  readonly distance: number;
  readonly extent: number;
  readonly centroid: Point;
}

/** Find the source of a frame in units of the noise and measure it; see `images.islands`. */
export function measureExtent(snr: Grid, beam: number, unknown: Uint8Array): Extent {
  const islands = brightIslands(snr);
  const hidden = count(unknown) > 0;
  if (!islands.length) {
    const incomplete = hidden && hidesASource(unknown, snr.width, OFF_CENTRE_PIXELS);
    return { ...NOTHING, incomplete };
  }
  const source = linked(islands);
  const main = source.reduce((best, each) => (each.total > best.total ? each : best));
  const size = shrunkenSize(source, beam);
  const last = [snr.height - 1, snr.width - 1];
  return {
    found: true,
    size,
    peak: Math.max(...source.map((island) => island.peak)),
    distance: Math.min(...source.map((island) => island.distance)),
    touchesBorder: source.some((island) =>
      island.points.some((point) => point.some((k, axis) => k === 0 || k === last[axis])),
    ),
    mainShare: main.total / source.reduce((sum, island) => sum + island.total, 0),
    mainSize: source.length > 1 ? shrunkenSize([main], beam) : size,
    incomplete: hidden && reaches(source, unknown, snr.width),
  };
}

const NOTHING: Extent = {
  found: false,
  size: 0,
  peak: 0,
  distance: 0,
  touchesBorder: false,
  mainShare: 0,
  mainSize: 0,
  incomplete: false,
};

function brightIslands(snr: Grid): Island[] {
  const { width, height, pixels } = snr;
  const bright = Uint8Array.from(pixels, (value) => Number(value > MASK_SIGMA));
  let brightest = 0;
  for (const value of pixels) if (value > brightest) brightest = value;
  if (!(brightest >= SOURCE_SIGMA)) return [];
  const faintest = Math.max(SOURCE_SIGMA, MIN_RELATIVE_PEAK * brightest);
  const isBright = (row: number, column: number): boolean =>
    row >= 0 && row < height && column >= 0 && column < width && !!bright[row * width + column];
  const found: Island[] = [];
  for (const places of islandsOf(bright, width)) {
    const weights = Float64Array.from(places, (place) => pixels[place]!);
    const peak = weights.reduce((a, b) => Math.max(a, b));
    // In float32, as NumPy compares an array with a number.
    if (peak < Math.fround(faintest) || places.length < MIN_PIXELS) continue;
    const all = places.map((place): Point => [Math.floor(place / width), place % width]);
    const edge = all.filter(
      ([row, column]) =>
        !(isBright(row - 1, column) && isBright(row + 1, column)) ||
        !(isBright(row, column - 1) && isBright(row, column + 1)),
    );
    const offsets = all.map(([row, column]): Point => [row - (height - 1) / 2, column - (width - 1) / 2]);
    const total = sum64(weights);
    const weighted = (axis: 0 | 1): number =>
      offsets.reduce((sum, offset, i) => sum + weights[i]! * offset[axis], 0) / total;
    found.push({
      points: edge,
      peak,
      total,
      distance: Math.min(...offsets.map(([y, x]) => Math.sqrt(y * y + x * x))),
      extent: Math.hypot(...spans(edge)),
      centroid: [weighted(0), weighted(1)],
    });
  }
  return found;
}

function spans(points: Point[]): [number, number] {
  const span = (axis: 0 | 1): number => {
    const values = points.map((point) => point[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  return [span(0), span(1)];
}

/** Whether an unknown pixel lies within `nearest` pixels of the frame's centre. */
function hidesASource(unknown: Uint8Array, width: number, nearest: number): boolean {
  const height = unknown.length / width;
  return unknown.some(
    (value, i) =>
      value &&
      Math.hypot(Math.floor(i / width) - (height - 1) / 2, (i % width) - (width - 1) / 2) < nearest,
  );
}

/** Whether part of a source may lie on unknown pixels: at, opposite to, or nearer than it. */
function reaches(source: Island[], unknown: Uint8Array, width: number): boolean {
  const last = unknown.length - 1; // the pixel opposite to i is last - i
  const near = grown(unknown, width);
  const distance = Math.min(...source.map((island) => island.distance));
  const touches = source.some((island) =>
    island.points.some(([row, column]) => {
      const place = row * width + column;
      return near[place] || unknown[last - place];
    }),
  );
  return touches || hidesASource(unknown, width, Math.min(distance, OFF_CENTRE_PIXELS));
}

function linked(islands: Island[]): Island[] {
  const importance = (island: Island): number =>
    Math.log(island.total) - 0.5 * (island.distance / OFF_CENTRE_PIXELS) ** 2;
  const belongs = (island: Island, other: Island): boolean =>
    gap(island.points, other.points) <=
    Math.min(2 * Math.max(SMALLEST_REACH, other.extent), LONGEST_GAP);
  const [core, ...others] = islands.slice().sort((a, b) => importance(b) - importance(a));
  const fresh = [core!, ...lobes(islands, core!)];
  let waiting = others.filter((island) => !fresh.includes(island));
  const source: Island[] = [];
  for (let island = fresh.pop(); island; island = fresh.pop()) {
    const from = island;
    source.push(from);
    const near = waiting.filter((other) => belongs(from, other));
    waiting = waiting.filter((other) => !near.includes(other));
    fresh.push(...near);
  }
  return source;
}

/** Two islands that balance about the middle of the frame; `core` may be one of them. */
function lobes(islands: Island[], core: Island): Island[] {
  const ordered = islands.slice().sort((a, b) => b.total - a.total);
  for (const [i, one] of ordered.entries()) {
    for (const other of ordered.slice(i + 1)) {
      const [a, b] = [one.centroid, other.centroid];
      const separation = Math.hypot(a[0] - b[0], a[1] - b[1]);
      const imbalance = Math.hypot(a[0] + b[0], a[1] + b[1]) / 2;
      const alike = one.total <= LOBE_RATIO * other.total;
      // An island brighter than the lobes may be their core; a much brighter one is a neighbour.
      if (alike && imbalance <= BALANCE * separation && core.total <= CORE_RATIO * one.total) {
        return [one, other].filter((island) => island !== core);
      }
    }
  }
  return [];
}

function gap(one: Point[], other: Point[]): number {
  let nearest = Infinity;
  for (const [y, x] of one) {
    for (const [v, u] of other) nearest = Math.min(nearest, (y - v) ** 2 + (x - u) ** 2);
  }
  return Math.sqrt(nearest);
}

/** Largest extent, each island shrunk by the half width of a point source at 3 sigma. */
function shrunkenSize(source: Island[], beam: number): number {
  return Math.max(
    ...ANGLES.map((angle) => {
      let [highest, lowest] = [-Infinity, Infinity];
      for (const island of source) {
        const overhang = (beam / 2) * Math.sqrt(Math.log2(island.peak / MASK_SIGMA));
        const along = island.points.map(([y, x]) => y * Math.sin(angle) + x * Math.cos(angle));
        const [high, low] = [Math.max(...along), Math.min(...along)];
        const half = Math.max((high - low) / 2 - overhang, 0);
        highest = Math.max(highest, (high + low) / 2 + half);
        lowest = Math.min(lowest, (high + low) / 2 - half);
      }
      return highest - lowest;
    }),
  );
}
