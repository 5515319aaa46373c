/** Wider views of a source that is larger than the frame; see `images.widening`. */
import { LEAST_SIZE, NOT_SHOWN, NOT_WIDENED, WIDENINGS } from "../../generated/constants";
import type { Cutout } from "./cutout";
import { InputError } from "./errors";

/** The source in the first frame that holds it; `cut` widens beam and pixels by a factor. */
export async function widened(cut: (widening: number) => Promise<Cutout>): Promise<Cutout> {
  const first = await cut(1);
  const has = (cutout: Cutout, flags: readonly string[]): boolean =>
    flags.some((flag) => cutout.flags.includes(flag));
  if (!has(first, ["beyond_frame"]) || has(first, NOT_WIDENED)) return first;
  for (const factor of WIDENINGS) {
    const wide = await cut(factor).catch((error: unknown) => {
      if (error instanceof InputError) return first; // the map cannot be regridded
      throw error;
    });
    if (wide === first || has(wide, NOT_SHOWN)) return first;
    if (has(wide, ["beyond_frame", "outer_lobes"])) continue;
    const isSame = wide.largestAngularSize >= LEAST_SIZE * first.largestAngularSize;
    return isSame ? { ...wide, flags: [...wide.flags, "wider_beam"].sort() } : first;
  }
  return first;
}
