/** Messages between the page and its worker. */
import type { Classification } from "./edge/classifier";
import type { Metadata } from "./edge/model_file";
import type { Sky, WcsKeywords } from "./images/celestial";
import type { Cutout } from "./images/cutout";
import type { Pair } from "./images/frame";
import type { Grid } from "./images/grid";
import type { PictureOptions } from "./images/source_file";

/** An opened file; a wide map comes with an overview, on which other sources can be chosen. */
export interface Opened {
  readonly handle: number;
  readonly mosaic: Mosaic | null;
  readonly mustChoose: boolean; // too wide to classify its middle
}

export interface Mosaic {
  readonly width: number;
  readonly height: number;
  readonly overview: Grid;
  readonly step: number; // pixels of the map along a pixel of the overview
  readonly keywords: WcsKeywords | null;
}

/** A classified source. */
export interface Result {
  readonly cutout: Cutout;
  readonly seen: Uint8Array; // pixels as the network sees them
  readonly found: Classification;
  readonly isPicture: boolean;
  readonly milliseconds: number;
}

export interface Start {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly wasm: Uint8Array<ArrayBuffer> | null; // null: the worker fetches it from `base`
  readonly base: string;
}

export interface Calls {
  start(options: Start): Promise<Metadata>;
  open(file: Blob, name: string, picture: PictureOptions | null): Promise<Opened>;
  classify(handle: number, place: { pixel: Pair } | { position: Sky } | null): Promise<Result>;
  close(handle: number): Promise<void>;
}

export interface Request {
  readonly id: number;
  readonly call: keyof Calls;
  readonly given: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };
