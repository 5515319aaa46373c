/** The frame for the network, cut from a map: beam, pixel grid and noise. */
import { FIELD_SIZE, IMAGE_SIZE, PIXEL_SCALE, SAME_SCALE } from "../../generated/constants";
import {
  covariance,
  meanWidth,
  narrowedBeam,
  scaledBeam,
  targetBeam,
  targetScale,
  type Beam,
} from "./beam";
import { InputError } from "./errors";
import { section, window, type Grid } from "./grid";
import {
  columnLengths,
  determinant,
  difference,
  inverse,
  product,
  transposed,
  type Matrix,
} from "./matrix";
import { measureSkyNoise } from "./noise";
import { regrid, smooth, smoothingMargin } from "./resampling";

const MARGIN = (FIELD_SIZE - IMAGE_SIZE) / 2;

export type Pair = readonly [number, number];

/** Smoothing and resampling of a map before classification; see `images.frame.Plan`. */
export interface Plan {
  readonly beam: Beam | null;
  readonly step: Pair | null;
  readonly kernel: Matrix | null;
  readonly gain: number;
  readonly pixelScale: number;
  readonly margin: number;
}

/** A frame that was cut from a map. */
export interface Frame {
  readonly brightness: Grid;
  readonly noise: number;
  readonly origin: Pair;
  readonly field: Grid; // the map, or the part of it about the frame, before resampling
  readonly first: Pair; // first pixel of the frame in pixels of `field`
  readonly step: Pair; // distance of the frame's pixels in pixels of `field`
  readonly flags: readonly string[];
}

/** Decide to which beam and grid a map is brought; the beam is widened or narrowed by a factor. */
export function plan(
  jacobian: Matrix | null,
  beam: Beam | null,
  asIs: boolean,
  widening = 1,
): Plan {
  const own = { beam, step: null, kernel: null, gain: 1, margin: 0 };
  if (!jacobian) return { ...own, pixelScale: PIXEL_SCALE };
  const scales = columnLengths(jacobian);
  const size = Math.abs(determinant(jacobian));
  if (!(size > 0 && Number.isFinite(size))) {
    throw new InputError("the coordinates of the map are invalid: its pixels have no size");
  }
  const pixelScale = Math.sqrt(scales[0] * scales[1]);
  if (!beam) return { ...own, pixelScale };
  let wanted = asIs ? beam : targetBeam(beam);
  if (widening > 1) wanted = scaledBeam(wanted, widening);
  if (widening < 1) wanted = narrowedBeam(beam, widening);
  const scale = targetScale(wanted);
  let kernel: Matrix | null = null;
  let gain = 1;
  if (wanted !== beam) {
    const back = inverse(jacobian);
    const needed = difference(covariance(wanted), covariance(beam));
    kernel = product(product(back, needed), transposed(back));
    gain = (meanWidth(wanted) / meanWidth(beam)) ** 2;
  }
  if (!kernel && scales.every((each) => Math.abs(each / scale - 1) <= SAME_SCALE)) {
    return { ...own, pixelScale };
  }
  const [[a, b], [c, d]] = jacobian;
  if (Math.abs((a * b + c * d) / (scales[0] * scales[1])) > Math.sin((5 * Math.PI) / 180)) {
    throw new InputError(
      "the axes of the map are not at right angles here: reproject it to TAN or SIN first",
    );
  }
  return {
    beam: wanted,
    step: [scale / scales[0], scale / scales[1]],
    kernel,
    gain,
    pixelScale: scale,
    margin: kernel ? smoothingMargin(kernel) : 0,
  };
}

/** The middle of the frame that is cut at a place, pixels of the map; see `images.frame`. */
export function frameMiddle(centre: Pair, todo: Plan): Pair {
  if (todo.step) return centre;
  const [left, top] = firstPixel(centre);
  return [left + (FIELD_SIZE - 1) / 2, top + (FIELD_SIZE - 1) / 2];
}

/** The first of the 300 x 300 pixels about a place on the map's own pixels. */
function firstPixel(centre: Pair): Pair {
  return [Math.ceil(centre[0] - FIELD_SIZE / 2), Math.ceil(centre[1] - FIELD_SIZE / 2)];
}

/** The frame on the map's own pixels. */
export function nativeFrame(field: Grid, centre: Pair, noise: number | null, area: number): Frame {
  const [left, top] = firstPixel(centre);
  const flags: string[] = [];
  let sigma = noise;
  if (sigma === null) {
    const around = window(field, left, top, FIELD_SIZE, FIELD_SIZE);
    const measured = measureSkyNoise(around.pixels, around.pixels.length, area);
    sigma = measured.noise;
    if (!measured.certain) flags.push("noise_uncertain");
  }
  const origin: Pair = [left + MARGIN, top + MARGIN];
  const brightness = window(field, ...origin, IMAGE_SIZE, IMAGE_SIZE);
  return { brightness, noise: sigma, origin, field, first: origin, step: [1, 1], flags };
}

/** The frame on another grid, after smoothing if the plan has a kernel. */
export function regriddedFrame(
  field: Grid,
  centre: Pair,
  noise: number | null,
  todo: Plan & { step: Pair },
  area: number,
): Frame {
  const reach = todo.step.map((step) => (FIELD_SIZE / 2) * step + todo.margin);
  const lows = centre.map((place, i) => Math.max(Math.floor(place - reach[i]!), 0)) as [number, number];
  const highs = centre.map((place, i) => Math.ceil(place + reach[i]!) + 1) as [number, number];
  let around = section(field, lows[0], lows[1], Math.max(highs[0], 0), Math.max(highs[1], 0));
  if (!around.pixels.length) {
    throw new InputError("the map is blank here: all pixels in the frame are unknown");
  }
  const middle: Pair = [centre[0] - lows[0], centre[1] - lows[1]];
  const flags = ["resampled"];
  const full = FIELD_SIZE ** 2 * todo.step[0] * todo.step[1];
  const measured = () => measureSkyNoise(withoutMargin(around, middle, todo.step).pixels, full, area);
  let growth = 1;
  if (todo.kernel) {
    const before = noise === null ? null : measured().noise;
    around = smooth(around, todo.kernel);
    around.pixels.forEach((value, i) => {
      around.pixels[i] = value * Math.fround(todo.gain);
    });
    flags.push("smoothed");
    if (before) growth = measured().noise / before;
  }
  const half = (IMAGE_SIZE - 1) / 2;
  const first: Pair = [middle[0] - half * todo.step[0], middle[1] - half * todo.step[1]];
  const brightness = regrid(around, first, todo.step, IMAGE_SIZE);
  let sigma = noise === null ? 0 : noise * growth;
  if (noise === null) {
    const found = measured();
    sigma = found.noise;
    if (!found.certain) flags.push("noise_uncertain");
  }
  const origin: Pair = [first[0] + lows[0], first[1] + lows[1]];
  return { brightness, noise: sigma, origin, field: around, first, step: todo.step, flags };
}

/** The part of a map that 300 x 300 pixels of the new grid cover. */
function withoutMargin(field: Grid, centre: Pair, step: Pair): Grid {
  const [low, high] = [-1, 1].map((side) =>
    centre.map((middle, i) => {
      const place = middle + (side * FIELD_SIZE * step[i]!) / 2;
      return Math.max(side < 0 ? Math.ceil(place) : Math.floor(place), 0);
    }),
  );
  return section(field, low![0]!, low![1]!, high![0]!, high![1]!);
}

