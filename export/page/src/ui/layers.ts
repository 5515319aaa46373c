/** What is drawn on a map: its stretch, the overlays, and the levels of the contours. */
import { CLASS_COLOURS, CONTOUR_FACTORS, MASK_SIGMA, PEAK_PERCENTILE } from "../../generated/constants";
import type { FrameMap } from "../edge/classifier";
import type { Grid } from "../images/grid";
import { percentile } from "../images/statistics";
import type { Result } from "../protocol";
import { brightened, colourAt } from "./colours";

export interface ViewOptions {
  readonly overlay: string; // none, evidence, mean, or the name of a gate
  readonly stretch: string;
  readonly colours: string;
  readonly strength: number;
  readonly contours: boolean;
}

/** Contours of one map, coarsest first. */
export interface Contours {
  readonly map: Grid;
  readonly levels: readonly number[];
  readonly outline: number | null; // a level drawn in grey
}

const CLASS_RGB = CLASS_COLOURS.map(brightened);
const UNKNOWN = [52, 58, 74];
const SIGMA_FACTORS = [1, 4, 16, 64, 256];
const ATTENTION_SHARES = [0.25, 0.5, 0.75];

/** The overlay of a result by its name; null without one. */
export function overlayOf({ found }: Result, name: string): FrameMap | null {
  if (name === "evidence") return found.evidence;
  if (name === "mean") return found.mean;
  return found.gates.find((gate) => gate.name === name) ?? null;
}

/** Pixels of the map in the colours of a stretch. */
export function mapImage({ cutout, seen }: Result, options: ViewOptions): ImageData {
  const { brightness, noise } = cutout;
  const { width, height } = brightness;
  const image = new ImageData(width, height);
  const peak = maximum(brightness.pixels) || 1;
  const sigma = Number.isFinite(noise) ? noise : 0;
  const place = (i: number): number => {
    const value = brightness.pixels[i]!;
    if (options.stretch === "network") return seen[i]! / 255;
    if (options.stretch === "asinh") {
      const soft = sigma || peak / 100;
      return Math.asinh((value + sigma) / soft) / Math.asinh((peak + sigma) / soft);
    }
    const linear = (value + sigma) / (peak + sigma);
    return options.stretch === "linear" ? linear : Math.sqrt(Math.max(linear, 0));
  };
  for (let i = 0; i < seen.length; i++) {
    const isKnown = options.stretch === "network" || Number.isFinite(brightness.pixels[i]);
    image.data.set([...(isKnown ? colourAt(options.colours, place(i)) : UNKNOWN), 255], 4 * i);
  }
  return image;
}

/** Pixels of an overlay, more opaque where it is larger. */
export function overlayImage(overlay: FrameMap, strength: number): ImageData {
  const { size, values } = overlay;
  const image = new ImageData(size, size);
  const limit = limitOf(overlay);
  for (let i = 0; i < values.length; i++) {
    const share = Math.min(Math.abs(values[i]!) / limit, 1);
    const signed = Math.sign(values[i]!) * share;
    image.data.set(overlayColour(overlay.name, signed, strength), 4 * i);
  }
  return image;
}

/** Colour and opacity of an overlay's value, as a share of its limit from -1 to 1. */
export function overlayColour(name: string, share: number, strength: number): number[] {
  const size = Math.abs(share);
  const isEvidence = name === "evidence";
  const colour = isEvidence ? CLASS_RGB[share > 0 ? 1 : 0]! : colourAt("attention", size);
  return [...colour, 255 * strength * size ** 0.6];
}

/** End of the colour scale of an overlay. */
export function limitOf({ name, values }: FrameMap): number {
  if (name !== "evidence") return maximum(values) || 1;
  const sizes = Float64Array.from(values.filter((value) => value !== 0), Math.abs).sort();
  return sizes.length ? percentile(sizes, PEAK_PERCENTILE) : 1;
}

/** The contours that belong to the overlay. */
export function contoursOf(result: Result, overlay: FrameMap | null): Contours {
  const { brightness, noise, pixels } = result.cutout;
  const known = brightness.pixels.map((value) => (Number.isFinite(value) ? value : 0));
  const map = { ...brightness, pixels: known };
  if (overlay && overlay.name !== "evidence") {
    const large = resized(overlay, brightness.width);
    const levels = ATTENTION_SHARES.map((share) => share * maximum(large.pixels));
    return { map: large, levels, outline: null };
  }
  const lit = known.filter((_, i) => pixels[i]! > 0);
  const faintest = lit.length ? lit.reduce((a, b) => Math.min(a, b)) : Infinity;
  const outline = Number.isFinite(noise) ? MASK_SIGMA * noise : faintest;
  const peak = maximum(known);
  const wanted = overlay
    ? CONTOUR_FACTORS.map((factor) => peak / factor)
    : SIGMA_FACTORS.slice(1).map((factor) => outline * factor);
  return { map, levels: wanted.filter((level) => level > outline && level < peak), outline };
}

/** What the contours mean. */
export function contourText(overlay: FrameMap | null, isPicture: boolean): string {
  if (overlay && overlay.name !== "evidence") return "¼, ½ and ¾ of the largest attention";
  const outline = isPicture ? "faintest grey level" : "3σ";
  const factors = overlay ? `peak ÷ ${CONTOUR_FACTORS.join(", ")}` : `${outline} × 4, 16, 64, 256`;
  return `map: ${outline} (grey), ${factors}`;
}

/** Resize a square map bilinearly, with half-pixel centres. */
function resized({ size, values }: FrameMap, target: number): Grid {
  const pixels = new Float32Array(target * target);
  const places = Array.from({ length: target }, (_, k) => {
    const exact = Math.min(Math.max(((k + 0.5) * size) / target - 0.5, 0), size - 1);
    const low = Math.min(Math.floor(exact), size - 2);
    return [low, exact - low] as const;
  });
  places.forEach(([row, down], y) => {
    places.forEach(([column, across], x) => {
      const start = row * size + column;
      const upper = values[start]! * (1 - across) + values[start + 1]! * across;
      const lower = values[start + size]! * (1 - across) + values[start + size + 1]! * across;
      pixels[y * target + x] = upper * (1 - down) + lower * down;
    });
  });
  return { width: target, height: target, pixels };
}

function maximum(values: Float32Array): number {
  let found = 0;
  for (const value of values) if (value > found) found = value;
  return found;
}
