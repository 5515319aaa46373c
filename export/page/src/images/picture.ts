/** PNG and JPEG pictures: finished images of 150 x 150 pixels, or maps with a pixel scale. */
import {
  BEAM,
  GREY_TOLERANCE,
  IMAGE_SIZE,
  LARGEST_FIELD,
  LEAST_LEVELS,
  LEAST_USED,
  MASK_SIGMA,
  MOST_LIT,
  MOST_PICTURE_PIXELS,
  PIXEL_SCALE,
  PLAIN_ADVICE,
} from "../../generated/constants";
import { beam as beamOf, meanWidth, type Beam } from "./beam";
import { blankedThreshold, cutoutFromField, sourceFlags, toNetworkUnits, type Cutout } from "./cutout";
import { ellipseOf } from "./ellipse";
import { InputError, OnlyCommandError } from "./errors";
import { grid, type Grid } from "./grid";
import { measureExtent } from "./islands";
import { measureNoise } from "./noise";
import { median32 } from "./statistics";

/** Pixel scale of a picture that is a map, and its beam, arcsec. */
export interface PictureOptions {
  readonly pixelScale: number;
  readonly beam: number | null;
}

/** Decode a picture and prepare it; `picture.read_image` is the same in Python. */
export async function cutoutFromPicture(
  file: Blob,
  options: PictureOptions | null,
): Promise<Cutout> {
  const levels = await greyLevels(file, options === null);
  return options ? cutoutFromMap(levels, options) : cutoutFromLevels(levels);
}

async function greyLevels(file: Blob, isFinished: boolean): Promise<Grid> {
  await refuseDeepPng(file);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new InputError("the picture is damaged, or neither PNG nor JPEG");
  }
  const { width, height } = bitmap;
  if (isFinished && (width !== IMAGE_SIZE || height !== IMAGE_SIZE)) {
    throw new InputError(
      `the picture has ${width} x ${height} pixels: give ${IMAGE_SIZE} x ${IMAGE_SIZE} of ` +
        `${PIXEL_SCALE} arcsec, or its pixel scale, or the FITS map`,
    );
  }
  if (width * height > MOST_PICTURE_PIXELS) {
    throw new InputError("the picture is too large for one source: cut it out");
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const levels = grid(width, height);
  for (let i = 0; i < levels.pixels.length; i++) {
    const [red, green, blue, alpha] = data.subarray(4 * i, 4 * i + 4);
    if (alpha! < 255) {
      throw new InputError("parts of the picture are transparent: save it on a black sky");
    }
    if (Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!) > GREY_TOLERANCE) {
      throw new OnlyCommandError("the picture is in colour", " --colormap viridis");
    }
    levels.pixels[i] = green!;
  }
  return levels;
}

/** Refuse PNG pictures of 16 bits, of which a browser gives only 8. */
async function refuseDeepPng(file: Blob): Promise<void> {
  const head = new Uint8Array(await file.slice(0, 25).arrayBuffer());
  if (head[0] === 0x89 && head[24] === 16) throw new OnlyCommandError("the picture has 16 bits");
}

function cutoutFromMap(values: Grid, { pixelScale, beam }: PictureOptions): Cutout {
  const of: Beam | null = beam === null ? null : beamOf(beam);
  const widest = LARGEST_FIELD * PIXEL_SCALE * Math.max(of ? meanWidth(of) / BEAM : 1, 1);
  if (Math.max(values.width, values.height) * pixelScale > widest) {
    throw new InputError(
      `${values.width} x ${values.height} pixels of ${pixelScale} arcsec are more than one ` +
        `source: cut it out, at most ${(widest / 60).toFixed(0)} arcmin`,
    );
  }
  const { low, high, middle } = levelsOf(values.pixels);
  const isInverted = middle > (low + high) / 2;
  const pixels = values.pixels.map((value) => (isInverted ? middle - value : value - middle));
  return cutoutFromField(grid(values.width, values.height, pixels), {
    recentre: true,
    beam: of,
    jacobian: [
      [-pixelScale, 0],
      [0, pixelScale],
    ],
    flags: isInverted ? ["unknown_unit", "inverted"] : ["unknown_unit"],
  });
}

function levelsOf(values: Float32Array): { low: number; high: number; middle: number } {
  const sorted = values.slice().sort();
  return { low: sorted[0]!, high: sorted.at(-1)!, middle: median32(sorted) };
}

/** The cutout of a finished picture with grey levels from 0 to 255. */
export function cutoutFromLevels(levels: Grid): Cutout {
  const { pixels, flags } = normalise(levels.pixels);
  const network = toNetworkUnits(pixels);
  const brightness = network.map((value) => (value + 1) / 2);
  const lit = pixels.filter((value) => value > 0).length;
  const threshold = blankedThreshold(brightness, pixels);
  const snr = grid(IMAGE_SIZE, IMAGE_SIZE, brightness.map((value) => (lit ? value / threshold : 0)));
  const extent = measureExtent(snr, BEAM / PIXEL_SCALE, new Uint8Array(pixels.length));
  return {
    pixels,
    networkInput: network,
    brightness: grid(IMAGE_SIZE, IMAGE_SIZE, brightness),
    noise: NaN,
    peakSnr: NaN,
    contrast: extent.found ? extent.peak : snr.pixels.reduce((a, b) => Math.max(a, b), 0),
    sourceFraction: lit / pixels.length,
    largestAngularSize: extent.found ? extent.size * PIXEL_SCALE : NaN,
    beam: beamOf(BEAM),
    pixelScale: PIXEL_SCALE,
    flags: [...new Set(["picture", ...flags, ...sourceFlags(extent)])].sort(),
    keywords: null,
    mainShare: extent.mainShare,
    pointShare: extent.pointShare,
    mainSize: extent.found ? extent.mainSize * PIXEL_SCALE : NaN,
    certainSize: extent.found ? extent.certainSize * PIXEL_SCALE : NaN,
    neighbours: extent.neighbours,
    centroid: extent.centroid,
    ellipse: extent.covariance && ellipseOf(extent.covariance, null, PIXEL_SCALE),
    offset: 0,
    stated: [0, 0],
    covariance: extent.covariance,
    sourceMask: extent.mask,
  };
}

/** Convert grey levels to a black sky and a white peak; see `grey_levels.normalise`. */
function normalise(values: Float32Array): { pixels: Uint8Array; flags: string[] } {
  const { low, high, middle } = levelsOf(values);
  const flags: string[] = [];
  let unit = values;
  if (middle > (low + high) / 2) {
    unit = values.map((value) => high - value);
    flags.push("inverted");
  } else if (low > 0 && high > low) unit = values.map((value) => value - low);
  const isLit = (value: number) => value !== 0;
  if (unit.filter(isLit).length > MOST_LIT * unit.length && high > low) {
    unit = withoutSky(unit);
    flags.push("background");
  }
  const peak = levelsOf(unit).high;
  if (!(peak > 0) || high === low) return { pixels: new Uint8Array(unit.length), flags };
  if (!flags.length && low === 0 && peak >= LEAST_USED * 255) {
    return { pixels: Uint8Array.from(unit), flags };
  }
  if (peak < LEAST_LEVELS) {
    throw new InputError(
      `the source has ${peak} grey levels above the sky, ${LEAST_LEVELS} are the least: ${PLAIN_ADVICE}`,
    );
  }
  if (!flags.includes("background") && peak < LEAST_USED * 255) flags.push("stretched");
  return { pixels: Uint8Array.from(unit, (value) => Math.floor((value * 255) / peak + 1e-9)), flags };
}

/** The image minus its sky, black where it is not above 3 sigma. */
function withoutSky(unit: Float32Array): Float32Array {
  if (unit.filter((value) => value === 0).length > MOST_LIT * unit.length) {
    throw new InputError(`the sky is partly black and partly not: ${PLAIN_ADVICE}`);
  }
  const { middle } = levelsOf(unit);
  const above = unit.map((value) => value - middle);
  const limit = Math.fround(MASK_SIGMA * measureNoise(above));
  return above.map((value) => (value > limit ? value : 0));
}
