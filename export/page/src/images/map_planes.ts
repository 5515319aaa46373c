/** Selection of the HDU and the plane of a file that hold the map. */
import {
  OTHER_QUANTITY,
  POLARISED,
  PREVIEW_PIXELS,
  PREVIEW_SCALE,
  SAME_EXTENT,
  SMALLEST_FIELD,
  STOKES,
} from "../../generated/constants";
import { celestialAxes, wcsKeywords, type WcsKeywords } from "./celestial";
import { InputError, OnlyCommandError } from "./errors";
import type { HduHeader } from "./fits_file";
import { determinant } from "./matrix";

/** Position of the map in the axes of its HDU; axes are counted from 0, NAXIS1 first. */
export interface Planes {
  readonly index: readonly number[];
  readonly columnAxis: number;
  readonly rowAxis: number;
  readonly width: number;
  readonly height: number;
}

/** The header of the map: the first image that is not a preview. */
export function findMap(headers: readonly HduHeader[]): HduHeader {
  let found = headers.filter((header) => header.holdsImage);
  if (!found.length) throw new InputError("the file holds no image");
  if (found.length > 1) {
    const tests = [
      (header: HduHeader) => celestialAxes(header.values) !== null,
      (header: HduHeader) => header.values.get("BITPIX") !== 8 || header.values.has("BSCALE"),
      (header: HduHeader) => Math.min(...planeOf(header)) >= SMALLEST_FIELD,
    ];
    for (const isMap of tests) found = found.some(isMap) ? found.filter(isMap) : found;
  }
  const [first, ...others] = found as [HduHeader, ...HduHeader[]];
  const map = others.find((other) => isPreview(first, other)) ?? first;
  if (map.isCompressedImage) throw new OnlyCommandError("the map is compressed in tiles (fpack)");
  if (!map.isComplete) throw new InputError("the file is truncated: fetch it again");
  return map;
}

function planeOf(header: HduHeader): [number, number] {
  const [longitude, latitude] = celestialAxes(header.values) ?? [1, 2];
  return [header.shape[longitude - 1] ?? 1, header.shape[latitude - 1] ?? 1];
}

function isPreview(small: HduHeader, large: HduHeader): boolean {
  const [few, many] = [planeOf(small), planeOf(large)];
  if (many[0] * many[1] < PREVIEW_PIXELS * few[0] * few[1]) return false;
  let keywords: (WcsKeywords | null)[];
  try {
    keywords = [wcsKeywords(small.values), wcsKeywords(large.values)];
  } catch {
    return false;
  }
  const [one, other] = keywords;
  if (!one || !other) return false;
  const scales = [one, other].map(({ cd }) => Math.sqrt(Math.abs(determinant(cd)))) as [number, number];
  const extents = [scales[0] * Math.max(...few), scales[1] * Math.max(...many)] as const;
  return (
    scales[0] >= PREVIEW_SCALE * scales[1] &&
    Math.abs(extents[0] / extents[1] - 1) <= SAME_EXTENT
  );
}

/** The plane of total intensity in the axes of an HDU. */
export function choosePlanes(header: HduHeader): Planes {
  const shape = header.shape;
  const axes = celestialAxes(header.values) ?? [1, 2];
  const index = shape.map((extent, i) => {
    const axis = i + 1;
    if (axes.includes(axis)) return 0;
    const kind = header.text(`CTYPE${axis}`).toUpperCase();
    if (kind === "STOKES") return stokesPlane(header, axis, extent);
    if (extent === 1 || kind === "SPECLNMF") return 0; // Obit's first plane is the broad-band map
    throw new OnlyCommandError(`it has ${extent} planes along ${kind || `axis ${axis}`}`, " --channel 0");
  });
  requireIntensity(header, shape.length);
  const [column, row] = [axes[0] - 1, axes[1] - 1];
  return { index, columnAxis: column, rowAxis: row, width: shape[column]!, height: shape[row]! };
}

function stokesNames(header: HduHeader, axis: number, extent: number): string[] {
  const [start, pace, reference] = ["CRVAL", "CDELT", "CRPIX"].map((key) => {
    const value = header.values.get(`${key}${axis}`) ?? 1;
    const figure = Number(value);
    if (Number.isFinite(figure)) return figure;
    throw new InputError(`the Stokes axis is invalid: ${key}${axis} = ${String(value)}`);
  }) as [number, number, number];
  return Array.from({ length: extent }, (_, plane) => {
    const code = start + (plane + 1 - reference) * pace;
    const whole = Math.abs(code - Math.round(code)) < 1e-3 ? Math.round(code) : NaN;
    const name = Object.entries(STOKES).find(([, number]) => number === whole)?.[0];
    return name ?? POLARISED[whole] ?? `code ${code}`;
  });
}

function stokesPlane(header: HduHeader, axis: number, extent: number): number {
  const names = stokesNames(header, axis, extent);
  const plane = names.indexOf("I");
  if (plane >= 0) return plane;
  throw new InputError(`there is no Stokes I: the file holds ${names.join(", ")}`);
}

/** Refuse a map without a Stokes axis that states another quantity than total intensity. */
function requireIntensity(header: HduHeader, axes: number): void {
  let stated = header.text("STOKES").toUpperCase();
  for (let axis = axes + 1; axis < axes + 4; axis++) {
    if (header.text(`CTYPE${axis}`).toUpperCase() === "STOKES") {
      stated = stokesNames(header, axis, 1)[0]!.toUpperCase();
    }
  }
  const isStokes = stated in STOKES || /^(CODE|POLARI|FRACTIONAL)/.test(stated);
  if (isStokes && stated !== "I") {
    throw new InputError(`there is no Stokes I: the file holds ${stated}`);
  }
  const quantity = header.text("BTYPE");
  if (new RegExp(OTHER_QUANTITY, "i").test(quantity)) {
    throw new InputError(`the map is not of total intensity: its BTYPE is '${quantity}'`);
  }
}
