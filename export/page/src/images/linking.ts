/** Selection of the islands that belong to the source; see `images.linking`. */
import {
  BALANCE,
  CHANCE,
  CONFUSED_CHANCE,
  CORE_RATIO,
  COUNT_SLOPE,
  LOBE_RATIO,
  LONGEST_GAP,
  MASK_SIGMA,
  MIN_RELATIVE_PEAK,
  OFF_CENTRE_PIXELS,
  SMALLEST_REACH,
  SOURCE_SIGMA,
  TOUCHING,
  UNSEEN,
} from "../../generated/constants";

export type Point = readonly [number, number]; // row and column

/** A connected group of pixels above 3 sigma. */
export interface Island {
  readonly points: Point[];
  readonly peak: number;
  readonly total: number;
  readonly distance: number;
  readonly extent: number;
  readonly centroid: Point;
}

/** The islands of the source, and whether a neighbour cannot be separated from it. */
export interface LinkedSource {
  readonly islands: readonly Island[];
  readonly confused: boolean;
}

/** The source among the islands of a frame of `area` pixels; `beam` is in pixels. */
export function link(islands: readonly Island[], beam: number, area: number): LinkedSource {
  const chance = chances(islands, faintestFlux(islands, beam), area);
  const atPosition = islands.filter((island) => island.distance <= beam);
  const core = (atPosition.length ? atPosition : islands).reduce((best, each) =>
    importance(each) > importance(best) ? each : best,
  );
  const pair = lobes(islands, core, chance);
  const isLinked = pair.chance < CHANCE;
  let doubtful = !isLinked && pair.islands.length > 0 && pair.chance < CONFUSED_CHANCE;
  const fresh = [core, ...(isLinked ? pair.islands : [])];
  let waiting = islands.filter((island) => !fresh.includes(island));
  const source: Island[] = [];
  for (let island = fresh.shift(); island; island = fresh.shift()) {
    source.push(island);
    // The nearest first, because each linked island is one neighbour less.
    for (const { gap, other } of nearTo(island, waiting).sort((a, b) => a.gap - b.gap)) {
      const own = [...source, ...fresh, other];
      if (gap <= TOUCHING || chance(other, gap, island.extent, own) < CHANCE) {
        fresh.push(other);
        waiting = waiting.filter((one) => one !== other);
      }
    }
  }
  doubtful ||= source.some((island) =>
    nearTo(island, waiting).some(
      ({ gap, other }) => chance(other, gap, island.extent, [...source, other]) < CONFUSED_CHANCE,
    ),
  );
  const nearest = Math.min(OFF_CENTRE_PIXELS, ...source.map((island) => island.distance));
  return { islands: source, confused: doubtful || waiting.some((one) => one.distance < nearest) };
}

type Chance = (island: Island, gap: number, extent: number, own: readonly Island[]) => number;

/** A function of the number of islands expected as bright as one within a gap of the source. */
function chances(islands: readonly Island[], faintest: number, area: number): Chance {
  return (island, gap, extent, own) => {
    const others = islands.filter((one) => !own.includes(one));
    const brighter = others.filter((one) => one.total >= island.total).length;
    const steep = Math.max(island.total / faintest, 1) ** -COUNT_SLOPE;
    const above = Math.max(brighter, (others.length + UNSEEN) * steep);
    return (above * (Math.PI * gap * gap + 2 * gap * extent)) / area;
  };
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

/** Two islands that balance about the middle of the frame without `core`, and their chance. */
function lobes(
  islands: readonly Island[],
  core: Island,
  chance: Chance,
): { islands: Island[]; chance: number } {
  const ordered = islands.slice().sort((a, b) => b.total - a.total);
  for (const [i, one] of ordered.entries()) {
    for (const other of ordered.slice(i + 1)) {
      const [a, b] = [one.centroid, other.centroid];
      const separation = Math.hypot(a[0] - b[0], a[1] - b[1]);
      const imbalance = Math.hypot(a[0] + b[0], a[1] + b[1]) / 2;
      const alike = one.total <= LOBE_RATIO * other.total;
      // An island brighter than the lobes may be their core; a much brighter one is a neighbour.
      if (alike && imbalance <= BALANCE * separation && core.total <= CORE_RATIO * one.total) {
        return {
          islands: [one, other].filter((island) => island !== core),
          chance: chance(other, separation / 2, 0, [one, other, core]),
        };
      }
    }
  }
  return { islands: [], chance: Infinity };
}

function gapOf(one: Point[], other: Point[]): number {
  let nearest = Infinity;
  for (const [y, x] of one) {
    for (const [v, u] of other) nearest = Math.min(nearest, (y - v) ** 2 + (x - u) ** 2);
  }
  return Math.sqrt(nearest);
}
