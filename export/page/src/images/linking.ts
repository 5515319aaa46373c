/** Selection of the islands that belong to the source; see `images.linking`. */
import {
  BALANCE,
  CERTAIN_CHANCE,
  CERTAIN_PAIR,
  CHANCE,
  CONFUSED_CHANCE,
  CORE_RATIO,
  COUNT_SLOPE,
  OPPOSITE_RATIO,
  LONGEST_GAP,
  MASK_SIGMA,
  MIN_RELATIVE_PEAK,
  NEAR_GAP,
  OFF_CENTRE_PIXELS,
  SMALLEST_REACH,
  SOURCE_SIGMA,
  TOUCHING,
  UNSEEN,
} from "../../generated/constants";
import type { Matrix } from "./matrix";

export type Point = readonly [number, number]; // row and column

/** A connected group of pixels above 3 sigma. */
export interface Island {
  readonly points: Point[];
  readonly peak: number;
  readonly total: number;
  readonly distance: number;
  readonly extent: number;
  readonly centroid: Point;
  readonly places: readonly number[]; // numbers of its pixels in the frame
  readonly moments: Matrix; // second, along x and y, pixels squared
}

/** The islands of the source, and whether a neighbour cannot be separated from it. */
export interface LinkedSource {
  readonly islands: readonly Island[];
  readonly certain: readonly Island[]; // those that are not linked by chance
  readonly confused: boolean;
}

/**
 * The source among the islands of a frame of `area` pixels; `beam` is in pixels, and `mayFace`
 * tells whether the pixel opposite to a point is unknown. Two lobes across the middle are linked
 * if they are at most `longest` pixels apart. `position` is (row, column) of the stated position,
 * from the middle of the frame.
 */
export function link(
  islands: readonly Island[],
  beam: number,
  area: number,
  mayFace: (point: Point) => boolean,
  longest = Infinity,
  position: Point = [0, 0],
): LinkedSource {
  const counts = countsOf(islands, faintestFlux(islands, beam), area);
  const atPosition = islands.filter((island) => island.distance <= beam);
  const core = (atPosition.length ? atPosition : islands).reduce((best, each) =>
    importance(each) > importance(best) ? each : best,
  );
  let pair = lobes(islands, core, counts);
  const likelyLobes = pair.chance < CONFUSED_CHANCE ? pair.islands : [];
  if (pair.separation > longest) pair = lobes(islands, core, counts, longest);
  const fresh = [core, ...(pair.chance < CHANCE ? pair.islands : [])];
  const certain = [core, ...(pair.chance < CERTAIN_CHANCE ? pair.islands : [])];
  let waiting = islands.filter((island) => !fresh.includes(island));
  const source: Island[] = [];
  for (let island = fresh.shift(); island; island = fresh.shift()) {
    source.push(island);
    // The nearest first, because each linked island is one neighbour less.
    for (const { gap, other } of nearTo(island, waiting).sort((a, b) => a.gap - b.gap)) {
      const linked = [...source, ...fresh];
      const flux = linked.reduce((sum, one) => sum + one.total, 0);
      const isBrighter = gap > NEAR_GAP && other.total > flux;
      // A brighter galaxy, unless unknown pixels may hide the other lobe.
      if (isBrighter && !other.points.some(mayFace)) continue;
      const own = [...linked, other];
      const chance = counts.chance(other, gap, island.extent, own);
      if (gap <= TOUCHING || chance < CHANCE) {
        fresh.push(other);
        waiting = waiting.filter((one) => one !== other);
        if (certain.includes(island) && chance < CERTAIN_CHANCE) certain.push(other);
      }
    }
  }
  for (const island of certainPair(source, position, beam, counts)) {
    if (!certain.includes(island)) certain.push(island);
  }
  const doubtful =
    likelyLobes.some((island) => waiting.includes(island)) ||
    source.some((island) =>
      nearTo(island, waiting).some(
        ({ gap, other }) =>
          counts.chance(other, gap, island.extent, [...source, other]) < CONFUSED_CHANCE,
      ),
    );
  const nearest = Math.min(OFF_CENTRE_PIXELS, ...source.map((island) => island.distance));
  const confused = doubtful || waiting.some((one) => one.distance < nearest);
  return { islands: source, certain, confused };
}

/** Expected numbers of unrelated islands, from the islands of a frame. */
interface Counts {
  /** The number as bright as an island within a gap of a source of the islands `own`. */
  chance(island: Island, gap: number, extent: number, own: readonly Island[]): number;
  /** The number of at least a flux within a distance of a place. */
  chanceOfLobe(flux: number, distance: number, own: readonly Island[]): number;
}

function countsOf(islands: readonly Island[], faintest: number, area: number): Counts {
  const above = (flux: number, own: readonly Island[], onlyBrighter = false): number => {
    const others = islands.filter((one) => !own.includes(one)).map((one) => one.total);
    others.sort((a, b) => b - a);
    return others.reduce(
      (expected, total, i) =>
        total >= flux || !onlyBrighter
          ? Math.max(expected, (i + 1) * fewer(flux / total))
          : expected,
      (others.length + UNSEEN) * fewer(flux / faintest),
    );
  };
  return {
    chance(island, gap, extent, own) {
      const near = Math.PI * gap * gap + 2 * gap * extent;
      return (above(island.total, own, gap <= NEAR_GAP) * near) / area;
    },
    chanceOfLobe: (flux, distance, own) => (above(flux, own) * Math.PI * distance * distance) / area,
  };
}

/** Factor of the source counts at a flux higher by `ratio`; 1 at a lower one. */
function fewer(ratio: number): number {
  return Math.max(ratio, 1) ** -COUNT_SLOPE;
}

function importance(island: Island): number {
  return Math.log(island.total) - 0.5 * (island.distance / OFF_CENTRE_PIXELS) ** 2;
}

/** Flux above the mask of a point source that just counts as an island. */
function faintestFlux(islands: readonly Island[], beam: number): number {
  const brightest = Math.max(...islands.map((island) => island.peak));
  const peak = Math.max(SOURCE_SIGMA, MIN_RELATIVE_PEAK * brightest);
  return ((Math.PI * beam * beam) / (4 * Math.LN2)) * (peak - MASK_SIGMA);
}

/** The islands where a part of the source may lie, and their gaps. */
function nearTo(island: Island, others: readonly Island[]): { gap: number; other: Island }[] {
  return others
    .map((other) => ({ gap: gapOf(island.points, other.points), other }))
    .filter(
      ({ gap, other }) =>
        gap <= Math.min(2 * Math.max(SMALLEST_REACH, other.extent), LONGEST_GAP),
    );
}

interface Pair {
  readonly islands: Island[];
  readonly chance: number;
  readonly separation: number; // pixels
}

/** The two islands that balance about the middle with the least chance, without `core`. */
function lobes(
  islands: readonly Island[],
  core: Island,
  counts: Counts,
  longest = Infinity,
): Pair {
  let best: Pair = { islands: [], chance: Infinity, separation: 0 };
  for (const [i, one] of islands.entries()) {
    for (const other of islands.slice(i + 1)) {
      const found = balance(one, other, [0, 0]);
      if (!found) continue;
      const { fainter, brighter, separation, mismatch } = found;
      // An island brighter than the lobes may be their core; a much brighter one is a neighbour.
      if (core.total > CORE_RATIO * brighter || separation > longest) continue;
      const distance = Math.min(Math.max(mismatch, SMALLEST_REACH), separation / 2);
      const chance = counts.chanceOfLobe(fainter, distance, [one, other, core]);
      if (chance < best.chance) {
        best = { islands: [one, other].filter((island) => island !== core), chance, separation };
      }
    }
  }
  return best;
}

/** The two certain islands about a position, (row, column); none if no pair is. All are counted. */
function certainPair(
  source: readonly Island[],
  position: Point,
  beam: number,
  counts: Counts,
): readonly Island[] {
  let best: { islands: readonly Island[]; chance: number } = { islands: [], chance: CERTAIN_PAIR };
  for (const [i, one] of source.entries()) {
    for (const other of source.slice(i + 1)) {
      const islands = [one, other];
      const found = balance(one, other, position);
      const nearest = Math.min(
        ...islands.map(({ centroid: [y, x] }) => Math.hypot(y - position[0], x - position[1])),
      );
      if (!found || nearest <= beam) continue;
      const { fainter, brighter, separation, mismatch } = found;
      const chance =
        counts.chanceOfLobe(brighter, separation / 2, []) *
        counts.chanceOfLobe(fainter, Math.max(mismatch, beam), []);
      if (chance < best.chance) best = { islands, chance };
    }
  }
  return best.islands;
}

interface Balance {
  readonly fainter: number; // flux
  readonly brighter: number;
  readonly separation: number; // pixels
  readonly mismatch: number; // distance of one from the place opposite to the other, pixels
}

/** How two islands of similar flux balance about a place; null if they do not. */
function balance(one: Island, other: Island, [row, column]: Point): Balance | null {
  const [a, b] = [one.centroid, other.centroid];
  const [fainter, brighter] = [Math.min(one.total, other.total), Math.max(one.total, other.total)];
  const separation = Math.hypot(a[0] - b[0], a[1] - b[1]);
  const mismatch = Math.hypot(a[0] + b[0] - 2 * row, a[1] + b[1] - 2 * column);
  const alike = brighter <= OPPOSITE_RATIO * fainter;
  return alike && mismatch / 2 <= BALANCE * separation
    ? { fainter, brighter, separation, mismatch }
    : null;
}

function gapOf(one: Point[], other: Point[]): number {
  let nearest = Infinity;
  for (const [y, x] of one) {
    for (const [v, u] of other) nearest = Math.min(nearest, (y - v) ** 2 + (x - u) ** 2);
  }
  return Math.sqrt(nearest);
}
