/** One source as the network's input, with its measured properties. */
import {
  IMAGE_SIZE,
  JUST_ABOVE,
  LARGEST_VALUE,
  LOW_SNR,
  MASK_SIGMA,
  NEGATIVE_DEPTH,
  NEGATIVE_SHARE,
  OFF_CENTRE_PIXELS,
  PIXELS_PER_BEAM,
  SMALLEST_FIELD,
  SOURCE_SIGMA,
  UNDERSAMPLED_BELOW,
  WITHOUT_OUTSKIRTS,
} from "../../generated/constants";
import { beamArea, meanWidth, type Beam } from "./beam";
import { moveKeywords, type WcsKeywords } from "./celestial";
import { ellipseOf, type Ellipse } from "./ellipse";
import { InputError } from "./errors";
import { frameMiddle, nativeFrame, plan, regriddedFrame, type Frame, type Pair } from "./frame";
import { grid, type Grid } from "./grid";
import { measureExtent, type Extent } from "./islands";
import { columnLengths, determinant, type Matrix } from "./matrix";
import { hasOuterLobes } from "./outskirts";
import { recentred } from "./recentring";
import { examine } from "./unknown";

/** A radio source, ready for the network; see `images.Cutout`. */
export interface Cutout {
  readonly pixels: Uint8Array;
  readonly networkInput: Float32Array;
  readonly brightness: Grid;
  readonly noise: number;
  readonly peakSnr: number;
  readonly contrast: number;
  readonly sourceFraction: number;
  readonly largestAngularSize: number;
  readonly beam: Beam | null;
  readonly pixelScale: number;
  readonly flags: readonly string[];
  readonly keywords: WcsKeywords | null;
  readonly mainShare: number;
  readonly pointShare: number;
  readonly mainSize: number;
  readonly certainSize: number;
  readonly neighbours: number; // islands in the frame that are not the source's
  readonly centroid: Pair;
  readonly ellipse: Ellipse | null;
  readonly offset: number;
  readonly stated: Pair; // position that was asked for, pixels from the middle of the frame
  readonly covariance: Matrix | null; // of the source's flux
  readonly sourceMask: Uint8Array | null; // pixels of the source
}

export interface FieldOptions {
  readonly jacobian: Matrix | null;
  readonly beam: Beam | null;
  readonly centre?: Pair;
  readonly recentre?: boolean;
  readonly noise?: number | null;
  readonly asIs?: boolean;
  readonly widening?: number;
  readonly flags?: Iterable<string>;
  readonly keywords?: WcsKeywords | null;
}

/** Beam width in arcsec; three pixels if the beam is unknown. */
export function beamWidth(cutout: Pick<Cutout, "beam" | "pixelScale">): number {
  return cutout.beam ? meanWidth(cutout.beam) : PIXELS_PER_BEAM * cutout.pixelScale;
}

/** Cut a source from a map and prepare it for the network; see `images.cutout_from_field`. */
export function cutoutFromField(given: Grid, options: FieldOptions): Cutout {
  const { jacobian, beam, noise = null, asIs = false, keywords = null } = options;
  const { field, isBlanked } = asMap(given);
  const todo = plan(jacobian, beam, asIs, options.widening);
  const known = new Set(options.flags);
  if (!beam) known.add("no_beam");
  if (!jacobian) known.add("no_wcs");
  if (beam && jacobian && beam.minor < UNDERSAMPLED_BELOW * Math.max(...columnLengths(jacobian))) {
    known.add("undersampled");
  }
  const centre: Pair = options.centre ?? [(field.width - 1) / 2, (field.height - 1) / 2];
  const area = !beam || !jacobian
    ? beamArea({ major: PIXELS_PER_BEAM, minor: PIXELS_PER_BEAM, angle: 0 }, 1)
    : beamArea(todo.beam ?? beam, Math.abs(determinant(jacobian)));
  const step = todo.step ?? ([1, 1] as const);
  const statedIn = ([x, y]: Pair): Pair => [(centre[0] - x) / step[0], (centre[1] - y) / step[1]];
  const cut = (place: Pair): Cutout => {
    const frame = todo.step
      ? regriddedFrame(field, place, noise, { ...todo, step: todo.step }, area)
      : nativeFrame(field, place, noise, area);
    const isZero = noise === null && (isBlanked || !(frame.noise > 0));
    const flags = new Set([...known, ...frame.flags, ...gaps(frame, step, field)]);
    if (isZero) flags.add("noise_uncertain");
    const cutout = finish(frame.brightness, isZero ? 0 : frame.noise, {
      beam: todo.beam,
      pixelScale: todo.pixelScale,
      flags,
      keywords: keywords && moveKeywords(keywords, frame.origin, step),
      stated: statedIn(frameMiddle(place, todo)),
    });
    const isAlone =
      WITHOUT_OUTSKIRTS.some((flag) => cutout.flags.includes(flag)) ||
      !hasOuterLobes(frame, beamWidth(cutout) / todo.pixelScale);
    return isAlone ? cutout : { ...cutout, flags: [...cutout.flags, "outer_lobes"].sort() };
  };
  const cutout = cut(centre);
  if (!options.recentre) return cutout;
  const middle = frameMiddle(centre, todo);
  return recentred(cutout, cut, centre, middle, step, [field.width, field.height]);
}

/** Flags of a frame that lacks pixels: beyond the map's edge, or unknown inside it. */
function gaps(frame: Frame, step: Pair, field: Grid): string[] {
  const inside = (axis: 0 | 1, extent: number): boolean[] =>
    Array.from(
      { length: IMAGE_SIZE },
      (_, k) => Math.abs(frame.origin[axis] + step[axis] * k - (extent - 1) / 2) <= extent / 2,
    );
  const [across, down] = [inside(0, field.width), inside(1, field.height)];
  const { pixels } = frame.brightness;
  if (pixels.every(Number.isNaN)) {
    throw new InputError("the map is blank here: all pixels in the frame are unknown");
  }
  const isFilled = pixels.some(
    (value, i) =>
      Number.isNaN(value) && down[Math.floor(i / IMAGE_SIZE)] && across[i % IMAGE_SIZE],
  );
  const isBeyond = !across.every(Boolean) || !down.every(Boolean);
  return [...(isBeyond ? ["edge"] : []), ...(isFilled ? ["nan_filled"] : [])];
}

/** Blank the noise of a frame, stretch it and measure the source; a noise of 0: it was blanked. */
function finish(
  brightness: Grid,
  noise: number,
  of: Pick<Cutout, "beam" | "pixelScale" | "keywords"> & { flags: Set<string>; stated: Pair },
): Cutout {
  const isBlanked = !(noise > 0);
  const limit = Math.fround(MASK_SIGMA * (isBlanked ? 0 : noise));
  const unknown = Uint8Array.from(brightness.pixels, (value) => Number(!Number.isFinite(value)));
  const shown = brightness.pixels.map((value, i) => (unknown[i] || value <= limit ? 0 : value));
  const pixels = scaleToUint8(shown);
  const threshold = isBlanked ? blankedThreshold(brightness.pixels, pixels) : Math.fround(noise);
  const isLit = pixels.some((value) => value > 0);
  const snr = grid(brightness.width, brightness.height);
  if (isLit) {
    snr.pixels.set(brightness.pixels.map((value) => (Number.isNaN(value) ? 0 : value / threshold)));
  }
  const { beam, pixelScale, keywords } = of;
  const extent = measureExtent(
    snr,
    beam ? meanWidth(beam) / pixelScale : PIXELS_PER_BEAM,
    unknown,
    of.stated,
    pixelScale,
  );
  const brightest = snr.pixels.reduce((a, b) => Math.max(a, b), 0);
  const peak = extent.found ? extent.peak : brightest;
  const flags = new Set([...of.flags, ...sourceFlags(extent)]);
  if (extent.found && peak < LOW_SNR && !isBlanked) flags.add("low_snr");
  const depth = Math.max(MASK_SIGMA, Math.fround(NEGATIVE_DEPTH * peak));
  const negative = snr.pixels.filter((value) => value < -depth).length;
  if (!isBlanked && negative > NEGATIVE_SHARE * snr.pixels.length) flags.add("artefacts");
  return {
    pixels,
    networkInput: toNetworkUnits(pixels),
    brightness,
    noise: isBlanked ? NaN : noise,
    peakSnr: isBlanked ? NaN : peak,
    contrast: peak,
    sourceFraction: snr.pixels.filter((value) => value > MASK_SIGMA).length / snr.pixels.length,
    largestAngularSize: extent.found ? extent.size * pixelScale : NaN,
    beam,
    pixelScale,
    flags: [...flags].sort(),
    keywords,
    mainShare: extent.mainShare,
    pointShare: extent.pointShare,
    mainSize: extent.found ? extent.mainSize * pixelScale : NaN,
    certainSize: extent.found ? extent.certainSize * pixelScale : NaN,
    neighbours: extent.neighbours,
    centroid: extent.centroid,
    ellipse: extent.covariance && ellipseOf(extent.covariance, keywords, pixelScale),
    offset: 0,
    stated: of.stated,
    covariance: extent.covariance,
    sourceMask: extent.mask,
  };
}

/** The cutout with everything but its source black; see `images.Cutout.source_alone`. */
export function sourceAlone(cutout: Cutout): Cutout {
  const { sourceMask: mask, brightness } = cutout;
  if (!mask) return cutout;
  const pixels = cutout.flags.includes("picture")
    ? stretchedLevels(cutout.pixels.map((value, i) => (mask[i] ? value : 0)))
    : scaleToUint8(brightness.pixels.map((value, i) => (mask[i] ? value : 0)));
  return { ...cutout, pixels, networkInput: toNetworkUnits(pixels) };
}

/** Stretch grey levels p to 255 p / max p, rounded as NumPy does: halves to the even number. */
function stretchedLevels(levels: Uint8Array): Uint8Array {
  const factor = Math.fround(255 / levels.reduce((a, b) => Math.max(a, b)));
  return levels.map((level) => {
    const value = Math.fround(level * factor);
    const low = Math.floor(value);
    return value - low === 0.5 ? low + (low % 2) : Math.round(value);
  });
}

/** Scale pixels v from 0 to 255 to [-1, 1], rounded as float32. */
export function toNetworkUnits(pixels: Uint8Array): Float32Array {
  return Float32Array.from(pixels, (v) => Math.fround(Math.fround(v / 255) - 0.5) / 0.5);
}

/** Scale values c to (c - min) / (max - min) * 255, truncated; zeros if they are constant. */
export function scaleToUint8(values: Float32Array): Uint8Array {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (!(high > low)) return new Uint8Array(values.length);
  const range = Math.fround(high - low);
  return Uint8Array.from(values, (value) =>
    Math.fround(Math.fround(Math.fround(value - low) / range) * 255),
  );
}

/** The noise that a blanked image implies: a third of its darkest lit pixel. */
export function blankedThreshold(brightness: Float32Array, pixels: Uint8Array): number {
  const lit = brightness.filter((_, i) => pixels[i]! > 0);
  if (!lit.length) return 1;
  const low = lit.reduce((a, b) => Math.min(a, b));
  const high = lit.reduce((a, b) => Math.max(a, b));
  const threshold = Math.min(Math.fround(low / MASK_SIGMA), Math.fround(high / SOURCE_SIGMA));
  return Math.fround(threshold / Math.fround(JUST_ABOVE));
}

/** Flags that follow from the extent and place of the source. */
export function sourceFlags(extent: Extent): string[] {
  const found = extent.incomplete ? ["incomplete"] : [];
  if (!extent.found) return [...found, "no_source"];
  if (extent.touchesBorder) found.push("beyond_frame");
  if (extent.confused) found.push("confused");
  if (extent.isRound) found.push("round");
  if (extent.oneSided) found.push("one_sided");
  if (extent.offSource) found.push("off_source");
  if (extent.distance > OFF_CENTRE_PIXELS) found.push("off_centre");
  return found;
}

function asMap(given: Grid): { field: Grid; isBlanked: boolean } {
  const { width, height } = given;
  requireSize(width, height);
  const { unknown, isBlanked } = examine(given);
  if (unknown.every(Boolean)) {
    throw new InputError("the map is blank here: it holds one value only, or NaN");
  }
  const field = grid(width, height, given.pixels.map((value, i) => (unknown[i] ? NaN : value)));
  const brightest = field.pixels.reduce((a, b) => (Math.abs(b) > a ? Math.abs(b) : a), 0);
  if (brightest > LARGEST_VALUE) {
    throw new InputError(
      `a pixel holds ${brightest.toExponential(1)}, too bright for a radio map: check its BSCALE`,
    );
  }
  return { field, isBlanked };
}

/** Refuse a map that is smaller than the smallest field. */
export function requireSize(width: number, height: number): void {
  if (Math.min(width, height) >= SMALLEST_FIELD) return;
  throw new InputError(
    `the map has ${width} x ${height} pixels: ${SMALLEST_FIELD} x ${SMALLEST_FIELD} is the minimum`,
  );
}
