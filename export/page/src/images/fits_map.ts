/** Cutouts from FITS maps of any survey; of a mosaic, only the pixels around a source are read. */
import {
  FARTHEST,
  FIELD_SIZE,
  FINEST,
  LARGEST_FIELD,
  NEAR_CENTRE,
  SMALLEST_FIELD,
} from "../../generated/constants";
import type { Beam } from "./beam";
import { toJanskyPerBeam } from "./brightness_unit";
import {
  isIcrs,
  hasProjection,
  localJacobian,
  moveKeywords,
  pixelScales,
  pixelToSky,
  skyToPixel,
  wcsKeywords,
  type Sky,
  type WcsKeywords,
} from "./celestial";
import { cutoutFromField, requireSize, type Cutout } from "./cutout";
import { InputError, OnlyCommandError } from "./errors";
import { readHeaders, type HduHeader } from "./fits_file";
import { plan, type Pair } from "./frame";
import { checkBeam, lacksAngle, statedBeam } from "./header_beam";
import type { Grid } from "./grid";
import { frequencies, isFirstBeam, recognised, saysFirst } from "./known_surveys";
import { MapPixels } from "./map_pixels";
import { choosePlanes, findMap } from "./map_planes";
import { determinant, scaled, type Matrix } from "./matrix";
import { narrowed } from "./narrowing";

/** An open FITS map from which any number of cutouts can be read. */
export class FitsMap {
  readonly width: number;
  readonly height: number;
  readonly keywords: WcsKeywords | null;
  readonly beam: Beam | null;
  readonly isFirst: boolean = false;
  private readonly flags = new Set<string>();
  private readonly factor: number;

  private constructor(
    header: HduHeader,
    headers: readonly HduHeader[],
    private readonly pixels: MapPixels,
  ) {
    ({ width: this.width, height: this.height } = pixels.planes);
    this.keywords = wcsKeywords(header.values);
    const found = this.findBeam(header, headers);
    this.beam = found.beam;
    this.isFirst = found.isFirst;
    this.factor = this.brightnessFactor(header);
  }

  /** Open an unpacked FITS file; only its headers are read. */
  static async open(file: Blob): Promise<FitsMap> {
    const headers = await readHeaders(file);
    const header = findMap(headers);
    return new FitsMap(header, headers, new MapPixels(file, header, choosePlanes(header)));
  }

  /** Whether the map is so large that a source must be named on it. */
  get isMosaic(): boolean {
    return this.isWiderThan(LARGEST_FIELD);
  }

  /** Whether the map shows more than the surroundings of one source. */
  get hasSeveralSources(): boolean {
    return this.isWiderThan(2 * FIELD_SIZE);
  }

  private isWiderThan(pixels: number): boolean {
    const middle: Pair = [(this.width - 1) / 2, (this.height - 1) / 2];
    const jacobian = this.keywords && localJacobian(this.keywords, middle);
    const step = plan(jacobian, this.beam, this.isFirst).step ?? [1, 1];
    return [this.width, this.height].some(
      (extent, axis) => extent > pixels * Math.max(step[axis]!, 1e-9),
    );
  }

  /** Pixel of a position in ICRS, counted from 0. */
  locate(position: Sky): Pair {
    if (!this.keywords) {
      throw new InputError("a position cannot be found on it: it has no celestial coordinates");
    }
    if (!isIcrs(this.keywords) || !hasProjection(this.keywords)) {
      const { system, projection, frame } = this.keywords;
      throw new OnlyCommandError(
        `a position cannot be found on coordinates ${system}-${projection} ${frame}`,
        " --position RA,DEC",
      );
    }
    const [x, y] = skyToPixel(this.keywords, position);
    if (!(x >= -0.5 && x <= this.width - 0.5 && y >= -0.5 && y <= this.height - 0.5)) {
      const [ra, dec] = position;
      throw new InputError(`position ${ra.toFixed(5)},${dec >= 0 ? "+" : ""}${dec.toFixed(5)} is not on the map`);
    }
    return [x, y];
  }

  /** The source at a pixel; null: in the middle of the map. */
  async cutout(pixel: Pair | null = null): Promise<Cutout> {
    requireSize(this.width, this.height);
    const centre: Pair = pixel ?? [(this.width - 1) / 2, (this.height - 1) / 2];
    const jacobian = this.keywords && localJacobian(this.keywords, centre);
    if (!pixel && this.isMosaic) {
      throw new InputError(
        `the map is ${this.width} x ${this.height} pixels: click on a source, or give its position`,
      );
    }
    return narrowed(
      (widening) => this.cut(centre, jacobian, widening),
      this.isFirst ? null : this.beam,
    );
  }

  /** The source at a pixel, its beam widened or narrowed by a factor. */
  private async cut(centre: Pair, jacobian: Matrix | null, widening: number): Promise<Cutout> {
    const todo = plan(jacobian, this.beam, this.isFirst, widening);
    const step = todo.step ?? [1, 1];
    const reach = step.map((pace) => (FIELD_SIZE / 2 + FARTHEST) * pace + todo.margin + 2);
    const low = centre.map((c, i) => Math.max(Math.floor(c - reach[i]!), 0)) as [number, number];
    const extents = [this.width, this.height];
    const high = centre.map((c, i) => Math.min(Math.ceil(c + reach[i]!) + 1, extents[i]!));
    // Blocks of a ninth of the target beam widen it by 0.3 %.
    const block = todo.step ? Math.max(Math.floor((Math.min(...todo.step) * 3) / FINEST), 1) : 1;
    const field = await this.pixels.blocks(low, high, block);
    if (Math.min(field.width, field.height) < SMALLEST_FIELD) {
      throw new InputError("almost all of the frame is outside the map here");
    }
    if (this.factor !== 1) {
      field.pixels.forEach((value, i) => {
        field.pixels[i] = value * Math.fround(this.factor);
      });
    }
    const origin: Pair = [low[0] + (block - 1) / 2, low[1] + (block - 1) / 2];
    return cutoutFromField(field, {
      beam: this.beam,
      centre: [(centre[0] - origin[0]) / block, (centre[1] - origin[1]) / block],
      recentre: true,
      jacobian: jacobian && scaled(jacobian, block),
      asIs: this.isFirst,
      widening,
      flags: this.flags,
      keywords: this.keywords && moveKeywords(this.keywords, origin, [block, block]),
    });
  }

  /** The whole map averaged in at most `most` x `most` blocks, and the pixels of a block. */
  async overview(most: number): Promise<{ map: Grid; step: number }> {
    const step = Math.max(Math.ceil(Math.max(this.width, this.height) / most), 1);
    return { map: await this.pixels.overview(step), step };
  }

  private findBeam(
    header: HduHeader,
    headers: readonly HduHeader[],
  ): { beam: Beam | null; isFirst: boolean } {
    const scales = this.keywords && pixelScales(this.keywords);
    const stated = statedBeam(header, headers);
    if (stated) {
      checkBeam(stated, scales, this.width, this.height);
      if (stated.where === "BMAJ" && lacksAngle(header, stated.beam)) this.flags.add("assumed_beam");
      return { beam: stated.beam, isFirst: saysFirst(header) && isFirstBeam(stated.beam) };
    }
    if (!scales) return { beam: null, isFirst: false };
    const found = recognised(header, Math.sqrt(scales[0] * scales[1]), this.declination());
    if (!found) return { beam: null, isFirst: false };
    this.flags.add("assumed_beam");
    return { beam: found.beam, isFirst: found.name === "FIRST" };
  }

  /** Declination of the middle of the map, degrees; NaN if the page cannot compute it. */
  private declination(): number {
    const { cd, crpix, crval, system } = this.keywords!;
    const [x, y] = [(this.width - 1) / 2 + 1 - crpix[0], (this.height - 1) / 2 + 1 - crpix[1]];
    const [east, north] = cd.map(([a, b]) => a * x + b * y) as [number, number];
    if (system === "RA" && Math.hypot(east, north) < NEAR_CENTRE) return crval[1] + north;
    if (!isIcrs(this.keywords!)) return NaN;
    return pixelToSky(this.keywords!, [(this.width - 1) / 2, (this.height - 1) / 2])[1];
  }

  private brightnessFactor(header: HduHeader): number {
    const middle: Pair = [(this.width - 1) / 2, (this.height - 1) / 2];
    const hasArea = this.keywords && this.beam;
    const area = hasArea ? Math.abs(determinant(localJacobian(this.keywords!, middle))) : null;
    const [frequency = null] = frequencies(header);
    const factor = toJanskyPerBeam(header.text("BUNIT"), this.beam, area, frequency);
    if (factor === null) this.flags.add("unknown_unit");
    return factor ?? 1;
  }
}
