/** Move the frame of a source from its position to its flux centroid; see `images.recentring`. */
import { FARTHEST, IMAGE_SIZE, PIXELS_PER_BEAM, ROUNDS } from "../../generated/constants";
import type { Cutout } from "./cutout";
import type { Pair } from "./frame";

/**
 * The cutout about the flux centroid of the source, moved by whole pixels of the map.
 *
 * `cutout` is that at `start`, and the middle of its frame lies at `startMiddle`.
 */
export function recentred(
  cutout: Cutout,
  cut: (place: Pair) => Cutout,
  start: Pair,
  startMiddle: Pair,
  step: Pair,
  extents: Pair,
): Cutout {
  let [place, middle, found] = [start, startMiddle, cutout];
  const distance = (to: Pair): number =>
    Math.hypot((to[0] - start[0]) / step[0], (to[1] - start[1]) / step[1]);
  for (let round = 0; round < ROUNDS; round++) {
    const whole = (axis: 0 | 1): number =>
      Math.floor(middle[axis] + found.centroid[axis] * step[axis]) + 0.5;
    const wanted: Pair = [whole(0), whole(1)];
    const stays = wanted[0] === place[0] && wanted[1] === place[1];
    if (found.flags.includes("no_source") || stays) break;
    const isOff = outside(wanted, step, extents) > outside(start, step, extents);
    if (distance(wanted) > FARTHEST || isOff) return cutout;
    [place, middle, found] = [wanted, wanted, cut(wanted)];
  }
  const flags = new Set(found.flags);
  if (distance(place) > PIXELS_PER_BEAM) flags.add("recentred");
  return { ...found, offset: distance(place) * found.pixelScale, flags: [...flags].sort() };
}

/** How far the frame reaches beyond the map, summed over its sides, pixels. */
function outside(place: Pair, step: Pair, extents: Pair): number {
  return ([0, 1] as const).reduce<number>((sum, axis) => {
    const [p, half] = [place[axis], (IMAGE_SIZE / 2) * step[axis]];
    return sum + Math.max(half - 0.5 - p, 0) + Math.max(p + half - extents[axis] + 0.5, 0);
  }, 0);
}
