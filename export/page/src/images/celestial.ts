/** Celestial coordinates of a map: WCS keywords, positions and the local pixel scale. */
import { NEAR_REFERENCE } from "../../generated/constants";
import { InputError, OnlyCommandError } from "./errors";
import type { Value, Values } from "./fits_file";
import { columnLengths, determinant, inverse, scaled, type Matrix } from "./matrix";

export const ARCSEC = 3600;
const DEGREE = Math.PI / 180;
const ZENITHAL = ["TAN", "SIN", "ARC", "ZEA", "STG", "NCP"];
const LONGITUDES = ["RA", "GLON", "ELON"];
const LATITUDES = ["DEC", "GLAT", "ELAT"];

export type Sky = readonly [number, number];

/** Celestial WCS keywords of a map, for axes 1 (longitude) and 2. */
export interface WcsKeywords {
  readonly system: string; // RA, GLON or ELON
  readonly projection: string;
  readonly crval: Sky;
  readonly crpix: readonly [number, number];
  readonly cd: Matrix;
  readonly isPlain: boolean; // neither LONPOLE, LATPOLE nor parameters of the projection
  readonly isTilted: boolean; // a pole or a parameter that this page does not know
  readonly frame: string;
  readonly equinox: number;
}

/** FITS numbers (from 1) of the longitude and latitude axes, or null. */
export function celestialAxes(values: Values): [number, number] | null {
  let [longitude, latitude] = [0, 0];
  for (let axis = 1; axis <= Math.min(Number(values.get("NAXIS") ?? 9), 9); axis++) {
    const name = String(values.get(`CTYPE${axis}`) ?? "").toUpperCase().split("-")[0]!.trim();
    if (LONGITUDES.includes(name)) longitude = axis;
    if (LATITUDES.includes(name)) latitude = axis;
  }
  return longitude && latitude ? [longitude, latitude] : null;
}

/** The celestial WCS keywords of a header; null without celestial axes. */
export function wcsKeywords(values: Values): WcsKeywords | null {
  const axes = celestialAxes(values);
  if (!axes) return null;
  if (["A_ORDER", "B_ORDER", "CPDIS1", "CPDIS2"].some((key) => values.has(key))) {
    throw new InputError("its coordinates have distortions (SIP): reproject it to TAN or SIN first");
  }
  refuseOdd(values, axes);
  const [name = "", projection = ""] = String(values.get(`CTYPE${axes[0]}`)).toUpperCase().trim().split(/-+/);
  const pair = (key: string): [number, number] => [
    figure(values, `${key}${axes[0]}`),
    figure(values, `${key}${axes[1]}`),
  ];
  const [crval, crpix, cd] = [pair("CRVAL"), pair("CRPIX"), cdMatrix(values, axes)];
  if (![...crval, ...crpix, ...cd.flat()].every(Number.isFinite)) {
    throw new InputError("the coordinates in the header are invalid: a value is not finite");
  }
  if (Math.abs(determinant(cd)) < 1e-30) {
    throw new InputError(
      "the coordinates in the header are invalid: its pixels have no size (CDELT, CD)",
    );
  }
  const parameters = [...values.keys()].filter((key) => /^PV\d+_\d+$/.test(key));
  const poles = ["LONPOLE", "LATPOLE"].filter((key) => (values.get(key) ?? null) !== null);
  return {
    system: name.trim(),
    projection: projection.trim(),
    crval,
    crpix,
    cd,
    isPlain: !parameters.length && !poles.length,
    isTilted:
      parameters.some((key) => figure(values, key) !== 0) || figure(values, "LONPOLE", 180) !== 180,
    frame: String(values.get("RADESYS") ?? values.get("RADECSYS") ?? "").toUpperCase().trim(),
    equinox: equinox(values),
  };
}

/** Refuse spellings that only astropy can read. */
function refuseOdd(values: Values, axes: [number, number]): void {
  const odd = (what: string) => new OnlyCommandError(`its coordinates are in an unusual form (${what})`);
  for (const axis of axes) {
    const unit = String(values.get(`CUNIT${axis}`) ?? "deg").trim();
    if (unit && !/^deg(rees?)?$/i.test(unit)) throw odd(`CUNIT${axis} = ${unit}`);
  }
  for (const [key, value] of values) {
    if (!/^(PC|CD)\d/.test(key)) continue;
    const element = /^(?:PC|CD)(\d+)_(\d+)$/.exec(key);
    const coupled =
      element && axes.includes(Number(element[1])) !== axes.includes(Number(element[2])) && value;
    if (key[2] === "0" || coupled) throw odd(key);
    if (key.startsWith("PC") && values.get(`CROTA${axes[1]}`)) throw odd("PC with CROTA");
  }
}

function figure(values: Values, key: string, otherwise = 0): number {
  const value: Value = values.get(key) ?? null;
  if (value === null || (typeof value === "string" && !value.trim())) return otherwise;
  const number = Number(value);
  if (typeof value !== "boolean" && !Number.isNaN(number)) return number;
  throw new InputError(
    `the coordinates in the header are invalid: ${key} = ${String(value)} is not a number`,
  );
}

function equinox(values: Values): number {
  const stated = values.get("EQUINOX") ?? values.get("EPOCH") ?? 2000;
  const found = /^[JB]?(\d{4}(?:\.\d*)?)$/.exec(String(stated).toUpperCase().trim());
  return found ? Number(found[1]) : 2000;
}

function cdMatrix(values: Values, axes: [number, number]): Matrix {
  const [i, j] = axes;
  const element = (kind: string, row: number, column: number, otherwise = 0) =>
    figure(values, `${kind}${row}_${column}`, otherwise);
  const has = (kind: string) => axes.some((a) => axes.some((b) => values.has(`${kind}${a}_${b}`)));
  if (has("CD")) {
    return [
      [element("CD", i, i), element("CD", i, j)],
      [element("CD", j, i), element("CD", j, j)],
    ];
  }
  const [across, down] = [figure(values, `CDELT${i}`), figure(values, `CDELT${j}`)];
  if (has("PC")) {
    return [
      [across * element("PC", i, i, 1), across * element("PC", i, j)],
      [down * element("PC", j, i), down * element("PC", j, j, 1)],
    ];
  }
  const angle = figure(values, `CROTA${j}`) * DEGREE;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return [
    [across * cosine, -down * sine],
    [across * sine, down * cosine],
  ];
}

/** The keywords of a grid with another origin and pixel size. */
export function moveKeywords(
  keywords: WcsKeywords,
  origin: readonly [number, number],
  step: readonly [number, number],
): WcsKeywords {
  const [[a, b], [c, d]] = keywords.cd;
  const crpix = [0, 1].map((axis) => (keywords.crpix[axis]! - 1 - origin[axis]!) / step[axis]! + 1);
  return {
    ...keywords,
    crpix: crpix as [number, number],
    cd: [
      [a * step[0], b * step[1]],
      [c * step[0], d * step[1]],
    ],
  };
}

/** Whether the coordinates are ICRS or J2000. */
export function isIcrs(keywords: WcsKeywords): boolean {
  return keywords.system === "RA" && !keywords.frame.includes("FK4") && keywords.equinox === 2000;
}

/** Whether positions on the map can be computed here. */
export function hasProjection({ projection, isTilted, isPlain, crval }: WcsKeywords): boolean {
  if (projection === "CAR") return crval[1] === 0 && isPlain;
  return ZENITHAL.includes(projection) && !isTilted && Math.abs(crval[1]) < 90;
}

/** Offset of a pixel, counted from 0, from the reference: degrees on the plane of projection. */
function planeOffset({ crpix, cd }: WcsKeywords, [x, y]: readonly [number, number]): [number, number] {
  const [u, v] = [x + 1 - crpix[0], y + 1 - crpix[1]];
  return [cd[0][0] * u + cd[0][1] * v, cd[1][0] * u + cd[1][1] * v];
}

/** Longitude and latitude of a pixel, degrees; NaN off the sky, or if the projection is unknown. */
export function pixelToSky(keywords: WcsKeywords, pixel: readonly [number, number]): Sky {
  const [x, y] = planeOffset(keywords, pixel).map((value) => value * DEGREE) as [number, number];
  const [a0, d0] = [keywords.crval[0] * DEGREE, keywords.crval[1] * DEGREE];
  if (!hasProjection(keywords)) return [NaN, NaN];
  if (keywords.projection === "CAR") return wrapped(a0 + x, y);
  if (keywords.projection === "NCP") {
    const along = Math.cos(d0) - y * Math.sin(d0);
    const aside = Math.atan2(x, along);
    return wrapped(a0 + aside, Math.sign(d0) * Math.acos(along / Math.cos(aside)));
  }
  const radius = Math.hypot(x, y);
  const distance = {
    TAN: Math.atan(radius),
    SIN: Math.asin(radius),
    ARC: radius,
    ZEA: 2 * Math.asin(radius / 2),
    STG: 2 * Math.atan(radius / 2),
  }[keywords.projection]!;
  if (radius === 0) return wrapped(a0, d0);
  const [sine, cosine] = [Math.sin(distance), Math.cos(distance)];
  const [east, north] = [(x / radius) * sine, (y / radius) * sine];
  return wrapped(
    a0 + Math.atan2(east, cosine * Math.cos(d0) - north * Math.sin(d0)),
    Math.asin(Math.min(Math.max(cosine * Math.sin(d0) + north * Math.cos(d0), -1), 1)),
  );
}

function wrapped(longitude: number, latitude: number): Sky {
  return [(((longitude / DEGREE) % 360) + 360) % 360, latitude / DEGREE];
}

/** Pixel of a position, counted from 0; NaN where it cannot be projected. */
export function skyToPixel(keywords: WcsKeywords, [longitude, latitude]: Sky): [number, number] {
  const [a, d] = [(longitude - keywords.crval[0]) * DEGREE, latitude * DEGREE];
  const d0 = keywords.crval[1] * DEGREE;
  const offset = planePosition(keywords.projection, a, d, d0);
  const [[e, f], [g, h]] = inverse(keywords.cd);
  const [x, y] = offset.map((value) => value / DEGREE) as [number, number];
  const pixel: [number, number] = [
    e * x + f * y + keywords.crpix[0] - 1,
    g * x + h * y + keywords.crpix[1] - 1,
  ];
  const back = pixelToSky(keywords, pixel);
  // Some projections fold the far side of the sky onto the near one.
  const [b, c] = [(back[0] - longitude) * DEGREE, back[1] * DEGREE];
  const cosine = Math.sin(d) * Math.sin(c) + Math.cos(d) * Math.cos(c) * Math.cos(b);
  return cosine > 1 - 1e-9 ? pixel : [NaN, NaN];
}

function planePosition(projection: string, a: number, d: number, d0: number): [number, number] {
  if (projection === "CAR") return [Math.atan2(Math.sin(a), Math.cos(a)), d];
  const east = Math.cos(d) * Math.sin(a);
  if (projection === "NCP") return [east, (Math.cos(d0) - Math.cos(d) * Math.cos(a)) / Math.sin(d0)];
  const north = Math.sin(d) * Math.cos(d0) - Math.cos(d) * Math.sin(d0) * Math.cos(a);
  const cosine = Math.sin(d) * Math.sin(d0) + Math.cos(d) * Math.cos(d0) * Math.cos(a);
  const sine = Math.hypot(east, north);
  const distance = Math.atan2(sine, cosine);
  const radius = {
    TAN: Math.tan(distance),
    SIN: sine,
    ARC: distance,
    ZEA: 2 * Math.sin(distance / 2),
    STG: 2 * Math.tan(distance / 2),
  }[projection];
  return sine === 0 ? [0, 0] : [(east / sine) * radius!, (north / sine) * radius!];
}

/** The Jacobian of the sky at a pixel: arcsec east and north (rows) for a step along x and y. */
export function localJacobian(keywords: WcsKeywords, pixel: readonly [number, number]): Matrix {
  const isPlain = ZENITHAL.includes(keywords.projection) && keywords.isPlain;
  if (isPlain && Math.hypot(...planeOffset(keywords, pixel)) < NEAR_REFERENCE) {
    return scaled(keywords.cd, ARCSEC);
  }
  if (!hasProjection(keywords)) {
    throw new OnlyCommandError(`its projection (${keywords.projection}) is not one of this page`);
  }
  if (!pixelToSky(keywords, pixel).every(Number.isFinite)) {
    throw new InputError("the middle of the map is not on the sky: name a position");
  }
  return skyJacobian(keywords, pixel);
}

/** The same by differences of positions, wherever the reference is; NaN off the sky. */
export function skyJacobian(keywords: WcsKeywords, pixel: readonly [number, number]): Matrix {
  const [x, y] = pixel;
  const middle = pixelToSky(keywords, pixel);
  const [a, d] = [middle[0] * DEGREE, middle[1] * DEGREE];
  const east = [-Math.sin(a), Math.cos(a), 0];
  const north = [-Math.sin(d) * Math.cos(a), -Math.sin(d) * Math.sin(a), Math.cos(d)];
  const step = (dx: number, dy: number): [number, number] => {
    const [before, after] = [-0.5, 0.5].map((half) => unit(pixelToSky(keywords, [x + half * dx, y + half * dy])));
    const along = after!.map((value, k) => value - before![k]!);
    const dot = (axis: number[]) => axis.reduce((sum, value, k) => sum + value * along[k]!, 0);
    return [(dot(east) / DEGREE) * ARCSEC, (dot(north) / DEGREE) * ARCSEC];
  };
  const [across, down] = [step(1, 0), step(0, 1)];
  return [
    [across[0], down[0]],
    [across[1], down[1]],
  ];
}

function unit([longitude, latitude]: Sky): number[] {
  const [a, d] = [longitude * DEGREE, latitude * DEGREE];
  return [Math.cos(d) * Math.cos(a), Math.cos(d) * Math.sin(a), Math.sin(d)];
}

/** Pixel scales along x and y, arcsec, from the keywords alone. */
export function pixelScales(keywords: WcsKeywords): [number, number] {
  const [across, down] = columnLengths(keywords.cd);
  return [across * ARCSEC, down * ARCSEC];
}
