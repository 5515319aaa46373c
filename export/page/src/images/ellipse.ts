/** The ellipse that has the second moments of a source's flux; see `images.ellipse`. */
import { FWHM_PER_SIGMA, IMAGE_SIZE, MASK_SIGMA } from "../../generated/constants";
import { isIcrs, skyJacobian, type WcsKeywords } from "./celestial";
import type { Island, Point } from "./linking";
import { largestEigenvalue, product, scaled, transposed, type Matrix } from "./matrix";

/** Full widths at half maximum in arcsec; degrees from north through east, or null. */
export interface Ellipse {
  readonly major: number;
  readonly minor: number;
  readonly positionAngle: number | null;
}

/** Second central moments along x and y of weighted places (row, column), about their mean. */
export function moments(places: readonly Point[], weights: ArrayLike<number>): Matrix {
  const sum = (of: (place: Point) => number): number =>
    places.reduce((all, place, i) => all + weights[i]! * of(place), 0);
  const total = sum(() => 1);
  const [y, x] = [sum((place) => place[0]) / total, sum((place) => place[1]) / total];
  const across = sum((place) => (place[1] - x) ** 2) / total;
  const both = sum((place) => (place[1] - x) * (place[0] - y)) / total;
  const down = sum((place) => (place[0] - y) ** 2) / total;
  return [
    [across, both],
    [both, down],
  ];
}

/** Second central moments of the flux of islands, pixels squared. */
export function fluxCovariance(islands: readonly Island[]): Matrix {
  const total = islands.reduce((all, island) => all + island.total, 0);
  const places = islands.map((island) => island.centroid);
  const between = moments(places, islands.map((island) => island.total));
  return islands.reduce(
    (all, island) => added(all, scaled(island.moments, island.total / total / kept(island.peak))),
    between,
  );
}

/** Share of a Gaussian's second moments that remains above 3 sigma. */
function kept(peak: number): number {
  const u = Math.log(peak / MASK_SIGMA);
  return 1 - u / Math.expm1(u);
}

/** The ellipse of second moments at the middle of a frame. */
export function ellipseOf(covariance: Matrix, keywords: WcsKeywords | null, pixelScale: number): Ellipse {
  const found = keywords && isIcrs(keywords) ? skyJacobian(keywords, [(IMAGE_SIZE - 1) / 2, (IMAGE_SIZE - 1) / 2]) : null;
  const jacobian = found?.flat().every(Number.isFinite) ? found : null;
  const steps: Matrix = jacobian ?? [
    [pixelScale, 0],
    [0, pixelScale],
  ];
  const sky = product(product(steps, covariance), transposed(steps));
  const [[a, b], [, d]] = sky;
  const largest = largestEigenvalue(sky);
  const width = (variance: number) => FWHM_PER_SIGMA * Math.sqrt(Math.max(variance, 0));
  const angle = 90 - (Math.atan2(2 * b, a - d) / 2 / Math.PI) * 180; // from north
  return {
    major: width(largest),
    minor: width(a + d - largest),
    positionAngle: jacobian && ((angle % 180) + 180) % 180,
  };
}

function added([[a, b], [c, d]]: Matrix, [[e, f], [g, h]]: Matrix): Matrix {
  return [
    [a + e, b + f],
    [c + g, d + h],
  ];
}
