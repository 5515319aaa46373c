/** The islands above the noise in a frame, and measurement of the source among them. */
import {
  BRIGHTEST,
  END,
  FARTHEST_BEAMS,
  LARGEST_ERROR,
  LEAST_GALAXY,
  LONGEST_PAIR,
  MASK_SIGMA,
  MIN_PIXELS,
  MIN_RELATIVE_PEAK,
  OFF_CENTRE_PIXELS,
  PIXELS_PER_BEAM,
  PIXEL_SCALE,
  SOURCE_SIGMA,
} from "../../generated/constants";
import { fluxCovariance, moments } from "./ellipse";
import { count, grown, islandsOf, type Grid } from "./grid";
import { link, type Island, type Point } from "./linking";
import type { Matrix } from "./matrix";
import { isRound } from "./roundness";
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
  readonly pointShare: number; // of the flux, within a beam of its brightest pixel
  readonly mainSize: number;
  readonly certainSize: number; // of the islands that are not linked by chance
  readonly neighbours: number; // islands that are not the source's
  readonly incomplete: boolean;
  readonly confused: boolean;
  readonly centroid: readonly [number, number]; // x and y from the middle of the frame
  readonly oneSided: boolean; // the position is in a compact island at an end of it
  readonly offSource: boolean; // the position is further from the centroid than the source is long
  readonly covariance: Matrix | null; // of the flux, along x and y
  readonly mask: Uint8Array | null; // pixels of the source
  readonly isRound: boolean; // a ring or a smooth round patch
}

/**
 * Find the source of a frame in units of the noise and measure it; see `images.extent`.
 *
 * `position` is (x, y) of the stated position, pixels from the middle of the frame, and
 * `pixelScale` is in arcsec.
 */
export function measureExtent(
  snr: Grid,
  beam: number,
  unknown: Uint8Array,
  position: readonly [number, number] = [0, 0],
  pixelScale = PIXEL_SCALE,
): Extent {
  const islands = brightIslands(snr);
  const hidden = count(unknown) > 0;
  if (!islands.length) {
    const incomplete = hidden && hidesASource(unknown, snr.width, OFF_CENTRE_PIXELS);
    return { ...NOTHING, incomplete };
  }
  const { islands: source, certain, confused } = link(
    islands,
    beam,
    snr.pixels.length,
    ([row, column]) => !!unknown[unknown.length - 1 - (row * snr.width + column)],
    LONGEST_PAIR / pixelScale,
    [position[1], position[0]],
  );
  const main = source.reduce((best, each) => (each.total > best.total ? each : best));
  const size = shrunkenSize(source, beam);
  const mainSize = source.length > 1 ? shrunkenSize([main], beam) : size;
  const total = source.reduce((sum, island) => sum + island.total, 0);
  const mean = (axis: 0 | 1): number =>
    source.reduce((sum, island) => sum + island.total * island.centroid[axis], 0) / total;
  const [x, y] = [mean(1), mean(0)];
  const farthest = Math.max(size, FARTHEST_BEAMS * beam, LARGEST_ERROR / pixelScale);
  const last = [snr.height - 1, snr.width - 1];
  const place: Point = [last[0]! / 2 + position[1], last[1]! / 2 + position[0]];
  return {
    found: true,
    size,
    peak: Math.max(...source.map((island) => island.peak)),
    distance: Math.min(...source.map((island) => island.distance)),
    touchesBorder: source.some((island) =>
      island.points.some((point) => point.some((k, axis) => k === 0 || k === last[axis])),
    ),
    mainShare: main.total / total,
    pointShare: pointShare(snr, maskOf(source, snr.pixels.length), beam),
    mainSize,
    certainSize: Math.max(mainSize, shrunkenSize(certain, beam)),
    neighbours: islands.length - source.length,
    incomplete: hidden && reaches(source, unknown, snr.width),
    confused,
    centroid: [x, y],
    oneSided: isOneSided(source, beam, place, snr.width),
    offSource: Math.hypot(x - position[0], y - position[1]) > farthest,
    covariance: fluxCovariance(source),
    mask: maskOf(source, snr.pixels.length),
    isRound: isRound(source, snr, beam),
  };
}

/** The islands of the source of a frame without unknown pixels; see `images.extent`. */
export function findSource(snr: Grid, beam: number): readonly Island[] {
  const islands = brightIslands(snr);
  return islands.length ? link(islands, beam, snr.pixels.length, () => false).islands : [];
}

const NOTHING: Extent = {
  found: false,
  size: 0,
  peak: 0,
  distance: 0,
  touchesBorder: false,
  mainShare: 0,
  pointShare: 0,
  mainSize: 0,
  certainSize: 0,
  neighbours: 0,
  incomplete: false,
  confused: false,
  centroid: [0, 0],
  oneSided: false,
  offSource: false,
  covariance: null,
  mask: null,
  isRound: false,
};

/** The share of the flux in a mask within a beam of its brightest pixel. */
function pointShare({ pixels, width }: Grid, mask: Uint8Array, beam: number): number {
  const places = [...mask.keys()].filter((place) => mask[place]);
  const brightest = places.reduce((best, k) => (pixels[k]! > pixels[best]! ? k : best), places[0]!);
  const flux = (among: number[]): number => among.reduce((sum, k) => sum + pixels[k]!, 0);
  const isNear = (place: number): boolean => {
    const rows = Math.floor(place / width) - Math.floor(brightest / width);
    const columns = (place % width) - (brightest % width);
    return rows * rows + columns * columns <= beam * beam;
  };
  return flux(places.filter(isNear)) / flux(places);
}

function maskOf(source: readonly Island[], length: number): Uint8Array {
  const mask = new Uint8Array(length);
  for (const { places } of source) for (const place of places) mask[place] = 1;
  return mask;
}

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
    if (places.length < MIN_PIXELS) continue;
    const all = places.map((place): Point => [Math.floor(place / width), place % width]);
    const offsets = all.map(([row, column]): Point => [row - (height - 1) / 2, column - (width - 1) / 2]);
    const isAtPosition = offsets.some(
      ([y, x], i) => weights[i]! >= SOURCE_SIGMA && Math.sqrt(y * y + x * x) <= PIXELS_PER_BEAM,
    );
    // In float32, as NumPy compares an array with a number.
    if (peak < Math.fround(faintest) && !isAtPosition) continue;
    const edge = all.filter(
      ([row, column]) =>
        !(isBright(row - 1, column) && isBright(row + 1, column)) ||
        !(isBright(row, column - 1) && isBright(row, column + 1)),
    );
    const total = sum64(weights);
    const weighted = (axis: 0 | 1): number =>
      offsets.reduce((sum, offset, i) => sum + weights[i]! * offset[axis], 0) / total;
    found.push({
      points: edge,
      places,
      peak,
      total,
      distance: Math.min(...offsets.map(([y, x]) => Math.sqrt(y * y + x * x))),
      extent: Math.hypot(...spans(edge)),
      centroid: [weighted(0), weighted(1)],
      moments: moments(offsets, weights),
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
function reaches(source: readonly Island[], unknown: Uint8Array, width: number): boolean {
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

/** Largest extent, each island shrunk by the half width of a point source at 3 sigma. */
export function shrunkenSize(source: readonly Island[], beam: number): number {
  return Math.max(...endsOf(source, beam).map(({ high, low }) => high - low));
}

interface Ends {
  readonly high: number;
  readonly low: number;
}

/** Ends of islands along each of `ANGLES`, minus the beam's contribution. */
function endsOf(source: readonly Island[], beam: number): Ends[] {
  return ANGLES.map((angle) => {
    let [highest, lowest] = [-Infinity, Infinity];
    for (const island of source) {
      const overhang = (beam / 2) * Math.sqrt(Math.log2(island.peak / MASK_SIGMA));
      const along = island.points.map((point) => alongAngle(point, angle));
      const [high, low] = [Math.max(...along), Math.min(...along)];
      const half = Math.max((high - low) / 2 - overhang, 0);
      highest = Math.max(highest, (high + low) / 2 + half);
      lowest = Math.min(lowest, (high + low) / 2 - half);
    }
    return { high: highest, low: lowest };
  });
}

function alongAngle([y, x]: Point, angle: number): number {
  return y * Math.sin(angle) + x * Math.cos(angle);
}

/** Whether a place lies in a compact island at an end of a source; see `Extent.one_sided`. */
function isOneSided(source: readonly Island[], beam: number, place: Point, width: number): boolean {
  const sizes = source.map((island) => shrunkenSize([island], beam));
  const largest = Math.max(...sizes);
  if (!(largest > LEAST_GALAXY * beam)) return false;
  const distances = source.map(({ places }) =>
    Math.min(...places.map((k) => Math.hypot(Math.floor(k / width) - place[0], (k % width) - place[1]))),
  );
  const nearest = distances.indexOf(Math.min(...distances));
  const galaxy = source[sizes.indexOf(largest)]!;
  if (distances[nearest]! > beam || sizes[nearest]! >= beam) return false;
  if (source[nearest]!.peak > BRIGHTEST * galaxy.peak) return false;
  const lengths = endsOf(source, beam).map(({ high, low }, k) => ({
    size: high - low,
    offset: Math.abs(alongAngle(place, ANGLES[k]!) - (high + low) / 2),
  }));
  const longest = lengths.reduce((best, each) => (each.size > best.size ? each : best));
  return longest.offset >= END * longest.size;
}
