/** Selection of the islands that belong to the source; see `images.linking`. */
import {
  BALANCE,
  CERTAIN_CHANCE,
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
 * if they are at most `longest` pixels apart.
 */
export function link(
  islands: readonly Island[],
  beam: number,
  area: number,
  mayFace: (point: Point) => boolean,
  longest = Infinity,
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
      const [a, b] = [one.centroid, other.centroid];
      const [fainter, brighter] = [Math.min(one.total, other.total), Math.max(one.total, other.total)];
      const separation = Math.hypot(a[0] - b[0], a[1] - b[1]);
      const mismatch = Math.hypot(a[0] + b[0], a[1] + b[1]);
      const alike = brighter <= OPPOSITE_RATIO * fainter;
      // An island brighter than the lobes may be their core; a much brighter one is a neighbour.
      const hasCore = core.total <= CORE_RATIO * brighter;
      const isBalanced = mismatch / 2 <= BALANCE * separation && separation <= longest;
      if (!alike || !hasCore || !isBalanced) continue;
      const distance = Math.min(Math.max(mismatch, SMALLEST_REACH), separation / 2);
      const chance = counts.chanceOfLobe(fainter, distance, [one, other, core]);
      if (chance < best.chance) {
        best = { islands: [one, other].filter((island) => island !== core), chance, separation };
      }
    }
  }
  return best;
}

function gapOf(one: Point[], other: Point[]): number {
  let nearest = Infinity;
  for (const [y, x] of one) {
    for (const [v, u] of other) nearest = Math.min(nearest, (y - v) ** 2 + (x - u) ** 2);
  }
  return Math.sqrt(nearest);
}
