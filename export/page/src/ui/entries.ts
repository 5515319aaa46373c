/** The classified sources of a session: one entry for each file, or for each place on a mosaic. */
import type { Sky } from "../images/celestial";
import type { Result } from "../protocol";

export interface Entry {
  readonly file: string;
  readonly title: string;
  readonly position: Sky | null; // as it was asked for
  readonly result: Result | null;
  readonly error: string;
}

export function entryOf(file: string, result: Result | null, error = "", position: Sky | null = null, place = ""): Entry {
  return { file, title: place ? `${file}, ${place}` : file, position, result, error };
}
