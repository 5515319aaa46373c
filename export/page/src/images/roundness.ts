/** Whether a source is a ring or a smooth round patch; see `images.roundness`. */
import {
  FWHM_PER_SIGMA,
  LEAST_WIDTH,
  MAIN_SHARE,
  MOST_ELONGATED,
  MOST_SPREAD,
  MOST_UNEVEN,
  TINY,
} from "../../generated/constants";
import { fluxCovariance } from "./ellipse";
import type { Grid } from "./grid";
import type { Island } from "./linking";
import type { Matrix } from "./matrix";

export function isRound(source: readonly Island[], snr: Grid, beam: number): boolean {
  const total = source.reduce((sum, island) => sum + island.total, 0);
  const main = source.reduce((best, each) => (each.total > best.total ? each : best));
  const islands = main.total >= MAIN_SHARE * total ? [main] : source;
  const covariance = fluxCovariance(islands);
  const [[xx, xy], [, yy]] = covariance;
  const [middle, half] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  const [minor, major] = [middle - half, middle + half];
  if (!(FWHM_PER_SIGMA ** 2 * minor > (LEAST_WIDTH * beam) ** 2)) return false;
  if (!(major < MOST_ELONGATED ** 2 * minor)) return false;
  const places = islands.flatMap((island) => [...island.places]);
  const { uneven, spread } = onCircle(places, snr, covariance);
  return uneven < MOST_UNEVEN || spread < MOST_SPREAD;
}

/** Unevenness over directions and spread over radii, where the ellipse of the flux is a circle. */
function onCircle(
  places: readonly number[],
  snr: Grid,
  [[xx, xy], [, yy]]: Matrix,
): { uneven: number; spread: number } {
  const { width, pixels } = snr;
  let [total, x, y] = [0, 0, 0];
  for (const place of places) {
    total += pixels[place]!;
    x += pixels[place]! * (place % width);
    y += pixels[place]! * Math.floor(place / width);
  }
  [x, y] = [x / total, y / total];
  const across = Math.sqrt(xx);
  const lean = xy / across;
  const down = Math.sqrt(yy - lean ** 2);
  // Sums of the flux times cos t, sin t, cos 2t, sin 2t, r^2 and r^4.
  const sums = [0, 0, 0, 0, 0, 0] as [number, number, number, number, number, number];
  for (const place of places) {
    const weight = pixels[place]! / total;
    const u = ((place % width) - x) / across;
    const v = (Math.floor(place / width) - y - lean * u) / down;
    const square = u * u + v * v;
    const radius = Math.max(Math.sqrt(square), TINY);
    const [cosine, sine] = [u / radius, v / radius];
    sums[0] += weight * cosine;
    sums[1] += weight * sine;
    sums[2] += weight * (cosine * cosine - sine * sine);
    sums[3] += weight * 2 * cosine * sine;
    sums[4] += weight * square;
    sums[5] += weight * square * square;
  }
  return { uneven: Math.hypot(...sums.slice(0, 4)), spread: sums[5] / sums[4] ** 2 };
}
