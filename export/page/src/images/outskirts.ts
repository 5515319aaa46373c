/** Islands beyond the frame that may be lobes of its source; see `images.outskirts`. */
import {
  FIELD_SIZE,
  IMAGE_SIZE,
  LEAST_LOBE,
  LEAST_SHARE,
  MASK_SIGMA,
  OUTSKIRTS_SQUARE,
} from "../../generated/constants";
import type { Frame } from "./frame";
import { grid, inBlocks, window, type Grid } from "./grid";
import { findSource, shrunkenSize } from "./islands";

/** Whether islands beyond a frame may be lobes of its source; `beam` is in pixels of the frame. */
export function hasOuterLobes(frame: Frame, beam: number): boolean {
  const { step, first, noise } = frame;
  const pace = Math.sqrt(step[0] * step[1]); // pixels of the map in one of the frame
  const block = Math.max(Math.round((pace * FIELD_SIZE) / IMAGE_SIZE), 1);
  const margin = (FIELD_SIZE - IMAGE_SIZE) / 2;
  const [left, top] = step.map((each, i) => Math.round(first[i]! - margin * each)) as [number, number];
  const [columns, rows] = step.map((each) => Math.round((FIELD_SIZE * each) / block)) as [number, number];
  const field = window(frame.field, left, top, columns * block, rows * block);
  const reach = ((IMAGE_SIZE / 2) * pace) / block; // of the frame, in blocks
  const limit = Math.fround(MASK_SIGMA * noise);
  const bright = grid(columns, rows);
  for (let i = 0; i < bright.pixels.length; i++) {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    bright.pixels[i] = Number(field.pixels[y * block * field.width + x * block]! > limit);
  }
  if (!hasExtendedEmission(bright, reach)) return false;
  const snr = inBlocks(grid(field.width, field.height, field.pixels.map((v) => v / noise)), block);
  snr.pixels.forEach((value, i) => {
    if (Number.isNaN(value)) snr.pixels[i] = 0;
  });
  const beamInBlocks = (beam * pace) / block;
  const middle = [(rows - 1) / 2, (columns - 1) / 2];
  return findSource(snr, beamInBlocks).some(
    (island) =>
      island.points.some((point) => point.some((k, axis) => Math.abs(k - middle[axis]!) > reach)) &&
      shrunkenSize([island], beamInBlocks) > LEAST_LOBE * beamInBlocks,
  );
}

/** Whether emission beyond the frame covers `LEAST_SHARE` of a square of blocks. */
function hasExtendedEmission(bright: Grid, reach: number): boolean {
  const { width, height, pixels } = bright;
  for (let i = 0; i < pixels.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const isInFrame =
      Math.abs(x - (width - 1) / 2) <= reach && Math.abs(y - (height - 1) / 2) <= reach;
    if (isInFrame) pixels[i] = 0;
  }
  return inBlocks(bright, OUTSKIRTS_SQUARE).pixels.some((share) => share >= LEAST_SHARE);
}
