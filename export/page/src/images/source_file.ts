/** Open a file by its content: a FITS map, plain or packed with gzip, or a picture. */
import type { Cutout } from "./cutout";
import { InputError, OnlyCommandError } from "./errors";
import { FitsMap } from "./fits_map";
import type { Pair } from "./frame";
import { cutoutFromPicture, type PictureOptions } from "./picture";

export type { PictureOptions };

const MOST_UNPACKED = 2 * 2 ** 30; // bytes
const FITS_NAME = /\.(fits?|fts)(\.gz)?$/i;

/** An open file with one source or, for a mosaic, many. */
export interface SourceFile {
  readonly map: FitsMap | null; // null: a picture
  cutout(pixel: Pair | null): Promise<Cutout>;
}

/**
 * Open a file.
 *
 * @param name - Its name, for messages.
 * @param picture - For a picture that is a map; null: a picture is a finished image.
 */
export async function readSource(
  file: Blob,
  name: string,
  picture: PictureOptions | null,
): Promise<SourceFile> {
  if (!file.size) throw new InputError("the file is empty");
  const start = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const begins = (...magic: number[]) => magic.every((byte, i) => start[i] === byte);
  if (begins(0x89, 0x50, 0x4e, 0x47) || begins(0xff, 0xd8, 0xff)) {
    return { map: null, cutout: () => cutoutFromPicture(file, picture) };
  }
  let content = file;
  if (begins(0x1f, 0x8b)) content = await unpacked(file);
  else if (begins(0x42, 0x5a, 0x68)) throw new OnlyCommandError("it is packed with bzip2");
  else if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a)) throw new OnlyCommandError("it is packed with xz");
  else if (begins(0x93, 0x4e, 0x55, 0x4d)) throw new OnlyCommandError("it is a NumPy array");
  else if (begins(0x50, 0x4b) && /\.npz$/i.test(name)) throw new OnlyCommandError("it is a NumPy archive");
  const card = await content.slice(0, 6).text();
  if (card !== "SIMPLE") {
    throw new InputError(
      FITS_NAME.test(name)
        ? "it cannot be read as FITS: it does not begin with SIMPLE"
        : "it is neither a FITS map nor a PNG or JPEG picture",
    );
  }
  const map = await FitsMap.open(content);
  return { map, cutout: (pixel) => map.cutout(pixel) };
}

/** Unpack a gzip file into memory. */
async function unpacked(file: Blob): Promise<Blob> {
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts: BlobPart[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return new Blob(parts);
      size += value.length;
      if (size > MOST_UNPACKED) break;
      parts.push(value);
    }
  } catch {
    throw new InputError("it cannot be unpacked: it is damaged or cut short; fetch it again");
  }
  await reader.cancel();
  throw new OnlyCommandError("it unpacks to over 2 GiB");
}
