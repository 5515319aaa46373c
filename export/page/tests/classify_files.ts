/**
 * Classify files in Node as the page does, and print one line of JSON for each.
 *
 * node classify_files.mjs MODEL GLUE LIST: a .tflite file, the folder of LiteRT's WASM files, and
 * a JSON list of files.
 */
import { openAsBlob, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { runInThisContext } from "node:vm";
import { Classifier } from "../src/edge/classifier";
import { readSource } from "../src/images/source_file";

const SCRIPT = "litert_wasm_compat_internal.js";

function bytes(path: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(path));
}

/** Run the script of the WASM module, as a worker's importScripts would. */
function prepareLiteRt(folder: string): void {
  const wasm = bytes(join(folder, SCRIPT.replace(/js$/, "wasm")));
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(import.meta.url),
    __dirname: ".",
    location: { href: "" },
    importScripts: () => undefined,
    Module: { wasmBinary: wasm },
  });
  runInThisContext(`${readFileSync(join(folder, SCRIPT), "utf8")}; self.ModuleFactory = ModuleFactory;`);
}

const [model = "", folder = "", list = ""] = process.argv.slice(2);
prepareLiteRt(folder);
const classifier = await Classifier.load(bytes(model), SCRIPT);
for (const path of JSON.parse(readFileSync(list, "utf8")) as string[]) {
  const started = performance.now();
  let answer: object;
  try {
    const source = await readSource(await openAsBlob(path), path, null);
    const cutout = await source.cutout(null);
    const prepared = performance.now();
    const found = await classifier.classify(cutout);
    answer = {
      pixels: Buffer.from(cutout.pixels).toString("base64"),
      noise: cutout.noise,
      peak_snr: cutout.peakSnr,
      source_fraction: cutout.sourceFraction,
      size: cutout.largestAngularSize,
      main_share: cutout.mainShare,
      point_share: cutout.pointShare,
      certain_size: cutout.certainSize,
      neighbours: cutout.neighbours,
      ellipse: cutout.ellipse && [cutout.ellipse.major, cutout.ellipse.minor, cutout.ellipse.positionAngle],
      pixel_scale: cutout.pixelScale,
      flags: cutout.flags,
      label: found.label,
      probabilities: found.probabilities,
      evidence: found.evidence?.values.reduce((sum, value) => sum + value, 0),
      prepare_ms: prepared - started,
      network_ms: performance.now() - prepared,
    };
  } catch (error) {
    answer = { error: String((error as Error).message) };
  }
  process.stdout.write(`${JSON.stringify({ path, ...answer })}\n`);
}
