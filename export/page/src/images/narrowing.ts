/** Narrower views of a source that is small on a map of a fine beam; see `images.narrowing`. */
import {
  ENOUGH_BEAMS,
  FARTHEST_CENTROID,
  LEAST_SIZE,
  MOST_SHRINKING,
  NOT_NARROWED,
  NOT_SHOWN_NARROWER,
} from "../../generated/constants";
import { meanWidth, narrowings, type Beam } from "./beam";
import { beamWidth, type Cutout } from "./cutout";
import { InputError } from "./errors";
import type { Pair } from "./frame";
import { isAboutPosition, widened } from "./widening";

/** The source with the widest beam that shows enough of it; a beam of null is not narrowed. */
export async function narrowed(
  cut: (widening: number) => Promise<Cutout>,
  beam: Beam | null,
): Promise<Cutout> {
  let found = await widened(cut);
  const has = (cutout: Cutout, flags: readonly string[]): boolean =>
    flags.some((flag) => cutout.flags.includes(flag));
  if (!beam || has(found, NOT_NARROWED)) return found;
  for (const factor of narrowings(beam)) {
    if (isThere(found) && found.largestAngularSize >= ENOUGH_BEAMS * beamWidth(found)) break;
    const finer = await cut(factor).catch((error: unknown) => {
      if (error instanceof InputError) return null; // the map is blank nearer to the source
      throw error;
    });
    if (!finer || has(finer, NOT_SHOWN_NARROWER)) break;
    const isNear = !has(finer, ["no_source", "off_centre"]);
    if (!isThere(found)) {
      if (isNear) found = finer;
    } else if (isNear && isSame(finer, found)) {
      found = finer;
    } else {
      break;
    }
  }
  return found;
}

/** Whether there is a source near the position, or about it. */
function isThere(cutout: Cutout): boolean {
  if (cutout.flags.includes("no_source")) return false;
  return !cutout.flags.includes("off_centre") || isAboutPosition(cutout);
}

/** Whether a narrower frame holds the same source. */
function isSame(finer: Cutout, wider: Cutout): boolean {
  const [[x, y], [p, q]] = [fromPosition(finer), fromPosition(wider)];
  const [beam, size] = [meanWidth(wider.beam!), wider.largestAngularSize];
  const least = Math.min(LEAST_SIZE * size, size - MOST_SHRINKING * beam);
  return finer.largestAngularSize >= least && Math.hypot(x - p, y - q) <= FARTHEST_CENTROID * beam;
}

/** The flux centroid from the stated position, arcsec. */
function fromPosition({ centroid, stated, pixelScale }: Cutout): Pair {
  return [(centroid[0] - stated[0]) * pixelScale, (centroid[1] - stated[1]) * pixelScale];
}
