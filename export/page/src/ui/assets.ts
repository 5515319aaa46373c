/** Files of the page: embedded in the single file (gzip, base64), or next to the hosted page. */

type Bytes = Uint8Array<ArrayBuffer>;

export const FILES = {
  model: "model.tflite",
  wasm: "litert/",
  worker: "worker.js",
  "fri.fits": "samples/fri.fits",
  "frii.fits": "samples/frii.fits",
  "compact.fits": "samples/compact.fits",
} as const;

export type Asset = keyof typeof FILES;

/** Whether the page is the single file. */
export const isSingle = document.getElementById("asset-model") !== null;

export async function bytesOf(name: Asset): Promise<Bytes> {
  const element = document.getElementById(`asset-${name}`);
  if (element) return unpack(element);
  const answer = await fetch(FILES[name]);
  if (!answer.ok) throw new Error(`${FILES[name]} is missing: build the page again`);
  return new Uint8Array(await answer.arrayBuffer());
}

export async function startWorker(): Promise<Worker> {
  if (!isSingle) return new Worker(FILES.worker);
  const script = new Blob([await bytesOf("worker")], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  return worker;
}

async function unpack(element: Element): Promise<Bytes> {
  const text = atob(element.textContent!.trim());
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
