/** Wider views of a source that is larger than the frame; see `images.widening`. */
import {
  LARGEST_CONFUSED_OFFSET,
  LARGEST_OFFSET,
  LEAST_SIZE,
  NOT_SHOWN,
  NOT_WIDENED,
  PIXELS_PER_BEAM,
  WIDENINGS,
} from "../../generated/constants";
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
    const isSame =
      wide.largestAngularSize >= LEAST_SIZE * first.largestAngularSize && isAboutPosition(wide);
    return isSame ? { ...wide, flags: [...wide.flags, "wider_beam"].sort() } : first;
  }
  return first;
}

/** Whether a source lies about the position that was asked for; see `images.widening`. */
export function isAboutPosition(cutout: Cutout): boolean {
  const [[xx, xy], [, yy]] = cutout.covariance!;
  const [x, y] = [cutout.stated[0] - cutout.centroid[0], cutout.stated[1] - cutout.centroid[1]];
  const square = (yy * x * x - 2 * xy * x * y + xx * y * y) / (xx * yy - xy * xy);
  if (cutout.flags.includes("confused")) return Math.sqrt(square) <= LARGEST_CONFUSED_OFFSET;
  if (Math.sqrt(square) <= LARGEST_OFFSET) return true;
  const { width, height, pixels } = cutout.brightness;
  let brightest = -1;
  cutout.sourceMask!.forEach((isSource, i) => {
    if (isSource && !(brightest >= 0 && pixels[i]! <= pixels[brightest]!)) brightest = i;
  });
  const column = (brightest % width) - (width - 1) / 2 - cutout.stated[0];
  const row = Math.floor(brightest / width) - (height - 1) / 2 - cutout.stated[1];
  return Math.hypot(column, row) <= PIXELS_PER_BEAM;
}
