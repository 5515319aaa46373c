/** The metadata of a .tflite file: the only member of a zip archive after the network. */

import type { ClassThresholds } from "./labels";

export interface Metadata {
  readonly name: string;
  readonly source_alone?: boolean; // whether the network sees the source alone
  readonly calibration?: { readonly temperature: number; readonly fitted_on: string | null };
  readonly labels?: {
    readonly compact_below_beams: number;
    readonly uncertain_below: number | null;
    readonly thresholds?: ClassThresholds | null;
  };
  readonly terms: string;
}

const END_OF_ARCHIVE = 0x06054b50;
const END_SIZE = 22;
const DEFLATED = 8;

/** Read the metadata from the end of the file. */
export async function readMetadata(content: Uint8Array<ArrayBuffer>): Promise<Metadata> {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const end = content.byteLength - END_SIZE;
  if (end < 0 || view.getUint32(end, true) !== END_OF_ARCHIVE) {
    throw new Error("the network holds no readable metadata: build the page again");
  }
  const directory = view.getUint32(end + 16, true);
  // Offsets count from the beginning of the archive; Python's writer counts from that of the file.
  const method = view.getUint16(directory + 10, true);
  const size = view.getUint32(directory + 20, true);
  const member = view.getUint32(directory + 42, true);
  const start = member + 30 + view.getUint16(member + 26, true) + view.getUint16(member + 28, true);
  const packed = content.slice(start, start + size);
  const text = method === DEFLATED ? await unpacked(packed) : new TextDecoder().decode(packed);
  return JSON.parse(text) as Metadata;
}

async function unpacked(packed: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}
