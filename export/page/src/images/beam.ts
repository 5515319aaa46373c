/** Synthesized beam of a map, and the beam and pixel scale that the network expects. */
import {
  BEAM,
  FIRST_MEANS,
  LEAST_NARROWING,
  MAX_AXIS_RATIO,
  PIXELS_PER_BEAM,
  PIXEL_SCALE,
  SAME_BEAM,
} from "../../generated/constants";
import { InputError } from "./errors";
import type { Matrix } from "./matrix";

/** An elliptical Gaussian beam: widths at half maximum, arcsec; angle, degrees north through east. */
export interface Beam {
  readonly major: number;
  readonly minor: number;
  readonly angle: number;
}

export function beam(major: number, minor = major, angle = 0): Beam {
  if (![major, minor, angle].every(Number.isFinite) || !(minor > 0 && minor <= major * (1 + 1e-6))) {
    throw new InputError(
      "the beam must have major >= minor > 0, in arcsec; " +
        `got ${major} x ${minor} arcsec at ${angle} degrees`,
    );
  }
  return { major, minor, angle };
}

export function meanWidth(of: Beam): number {
  return Math.sqrt(of.major * of.minor);
}

/** A beam of the same shape and angle, wider by a factor. */
export function scaledBeam(of: Beam, factor: number): Beam {
  return beam(of.major * factor, of.minor * factor, of.angle);
}

/** Covariance matrix of the Gaussian along (east, north), square arcsec. */
export function covariance(of: Beam): Matrix {
  const angle = (of.angle * Math.PI) / 180;
  const perSigma = 8 * Math.log(2);
  const [a, b] = [of.major ** 2 / perSigma, of.minor ** 2 / perSigma];
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const cross = (a - b) * sine * cosine;
  return [
    [a * sine * sine + b * cosine * cosine, cross],
    [cross, a * cosine * cosine + b * sine * sine],
  ];
}

/** Solid angle of a beam in pixels of an area in square arcsec. */
export function beamArea(of: Beam, pixelArea: number): number {
  return (Math.PI * of.major * of.minor) / (4 * Math.log(2)) / pixelArea;
}

/** The beam to which a map is smoothed; the beam itself if it needs no smoothing. */
export function targetBeam(of: Beam): Beam {
  if (of.major <= BEAM * (1 + SAME_BEAM)) {
    if (of.minor >= BEAM * (1 - SAME_BEAM)) return of;
    return beam(Math.max(BEAM, of.major));
  }
  return of.minor >= BEAM * (1 - SAME_BEAM) ? madeRound(of) : beam(of.major);
}

/** Factors by which the target beam of a map can be narrowed, the largest first. */
export function narrowings(of: Beam): number[] {
  const factors: number[] = [];
  const least = meanWidth(madeRound(of)) / meanWidth(targetBeam(of));
  for (let factor = least; factor * LEAST_NARROWING <= 1; factor *= 2) factors.unshift(factor);
  return factors;
}

/** The target beam of a map, narrowed by one of its `narrowings`. */
export function narrowedBeam(of: Beam, factor: number): Beam {
  const own = madeRound(of);
  const widening = Math.round((factor * meanWidth(targetBeam(of))) / meanWidth(own));
  return widening === 1 ? own : scaledBeam(own, widening);
}

/** The beam, or the round one that holds it if it is more elongated than FIRST's. */
function madeRound(of: Beam): Beam {
  return of.major <= MAX_AXIS_RATIO * of.minor ? of : beam(of.major);
}

/** Pixel scale at which the network classifies a map with this beam, arcsec. */
export function targetScale(of: Beam): number {
  const [low, high] = FIRST_MEANS;
  const mean = meanWidth(of);
  return low <= mean && mean <= high ? PIXEL_SCALE : mean / PIXELS_PER_BEAM;
}
