/** The worker: reads files and runs the network, so that the page never waits. */
import { Classifier } from "./edge/classifier";
import type { Pair } from "./images/frame";
import { readSource, type PictureOptions, type SourceFile } from "./images/source_file";
import type { Calls, Mosaic, Reply, Request, Start } from "./protocol";

const OVERVIEW_PIXELS = 1024;

declare const self: {
  Module?: object;
  importScripts: (...addresses: string[]) => void;
  navigator: object;
  postMessage(message: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
};

const sources = new Map<number, SourceFile>();
let classifier: Classifier | null = null;
let handles = 0;

const calls: Calls = {
  async start({ model, wasm, base }: Start) {
    // LiteRT would ask for a graphics device, which is of no use for a network of this size.
    Object.defineProperty(self.navigator, "gpu", { value: undefined, configurable: true });
    if (wasm) {
      // The single file holds the script of the WASM module in front of this one.
      self.Module = { wasmBinary: wasm };
      self.importScripts = () => undefined;
      classifier = await Classifier.load(model, "litert.js");
    } else {
      self.Module = { locateFile: (name: string) => `${base}${name}` };
      classifier = await Classifier.load(model, base);
    }
    return classifier.metadata;
  },

  async open(file: Blob, name: string, picture: PictureOptions | null) {
    const source = await readSource(file, name, picture);
    const handle = ++handles;
    sources.set(handle, source);
    const { map } = source;
    const mosaic = map?.hasSeveralSources ? await mosaicOf(map) : null;
    return { handle, mosaic, mustChoose: map?.isMosaic ?? false };
  },

  async classify(handle, place) {
    const source = sources.get(handle)!;
    const started = performance.now();
    let pixel: Pair | null = null;
    if (place && "pixel" in place) pixel = place.pixel;
    else if (place && source.map) pixel = source.map.locate(place.position);
    const cutout = await source.cutout(pixel);
    const found = await classifier!.classify(cutout);
    const milliseconds = performance.now() - started;
    // The page does not need the input of the network, and keeps what it gets.
    const shown = { ...cutout, networkInput: new Float32Array() };
    const { pixels: seen } = classifier!.asSeen(cutout);
    return { cutout: shown, seen, found, isPicture: !source.map, milliseconds };
  },

  async close(handle) {
    sources.delete(handle);
  },
};

async function mosaicOf(map: NonNullable<SourceFile["map"]>): Promise<Mosaic> {
  const { map: overview, step } = await map.overview(OVERVIEW_PIXELS);
  return { width: map.width, height: map.height, overview, step, keywords: map.keywords };
}

self.onmessage = async ({ data: { id, call, given } }) => {
  try {
    const answer = (calls[call] as (...values: readonly unknown[]) => Promise<unknown>)(...given);
    self.postMessage({ id, value: await answer });
  } catch (error) {
    self.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
