/** Headers of a FITS file, read from a Blob of any size, with a check of the sizes they state. */
import { InputError } from "./errors";

export const BLOCK = 2880;
const CARD = 80;
const MOST_AXES = 999;
const MOST_BLOCKS = 20_000;
const READ_AT_ONCE = 8 * BLOCK;
const BITS = [8, 16, 32, 64, -32, -64];
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?$/;

export type Value = string | number | boolean | null;
export type Values = ReadonlyMap<string, Value>;

/** The header of one HDU. */
export class HduHeader {
  readonly values: Values;

  constructor(
    private readonly cards: readonly string[],
    readonly dataStart: number,
    private readonly fileSize: number,
  ) {
    const found = new Map<string, Value>();
    for (const card of cards) {
      const key = card.slice(0, 8).trim();
      if (card.slice(8, 10) === "= " && !found.has(key)) found.set(key, valueOf(card.slice(10)));
    }
    this.values = found;
  }

  /** Texts of COMMENT or HISTORY cards. */
  lines(keyword: string): string[] {
    const start = keyword.padEnd(8);
    return this.cards.filter((card) => card.startsWith(start)).map((card) => card.slice(8).trimEnd());
  }

  text(keyword: string): string {
    return String(this.values.get(keyword) ?? "").trim();
  }

  /** The value of a keyword that must be a whole number, not negative. */
  whole(keyword: string, otherwise?: number): number {
    const value = this.values.get(keyword) ?? (this.values.has(keyword) ? null : otherwise);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    const stated = this.values.has(keyword) ? `= ${String(value)}` : "is missing";
    throw new InputError(`the header is invalid: ${keyword} ${stated}`);
  }

  get isCompressedImage(): boolean {
    return this.values.get("ZIMAGE") === true;
  }

  /** Lengths of the axes, NAXIS1 first. */
  get shape(): number[] {
    const axes = this.whole("NAXIS");
    if (axes > MOST_AXES) throw new InputError(`the header is invalid: NAXIS = ${axes}`);
    return Array.from({ length: axes }, (_, i) => this.whole(`NAXIS${i + 1}`));
  }

  /** Size of the data without padding, bytes. */
  get dataSize(): number {
    let axes = this.shape;
    const bits = this.values.get("BITPIX");
    if (!BITS.includes(bits as number)) {
      throw new InputError(`the header is invalid: BITPIX = ${String(bits)}`);
    }
    if (!axes.length) return 0;
    if (axes[0] === 0 && this.values.get("GROUPS") === true) axes = axes.slice(1);
    const pixels = axes.reduce((a, b) => a * b, 1);
    return (
      (Math.abs(bits as number) / 8) * this.whole("GCOUNT", 1) * (this.whole("PCOUNT", 0) + pixels)
    );
  }

  get isComplete(): boolean {
    return this.dataStart + this.dataSize <= this.fileSize;
  }

  /** Whether the HDU is an image of two axes or more. */
  get holdsImage(): boolean {
    const kind = this.values.get("XTENSION") ?? "IMAGE";
    if (this.values.get("GROUPS") === true && this.shape[0] === 0) return false;
    const isImage = this.isCompressedImage || kind === "IMAGE" || kind === "IUEIMAGE";
    return isImage && this.shape.length >= 2 && this.shape.every((extent) => extent > 0);
  }
}

function valueOf(rest: string): Value {
  const quoted = /^\s*'((?:[^']|'')*)/.exec(rest);
  if (quoted) return quoted[1]!.replaceAll("''", "'").trimEnd();
  const text = rest.split("/", 1)[0]!.trim();
  if (text === "T" || text === "F") return text === "T";
  const figure = text.toUpperCase().replace("D", "E");
  if (NUMBER.test(figure)) return Number(figure);
  if (/^[+-]?NAN$/.test(figure)) return NaN;
  if (/^[+-]?INF(INITY)?$/.test(figure)) return figure.startsWith("-") ? -Infinity : Infinity;
  return text || null;
}

/** Read the headers of all HDUs; reading ends at one that is cut short. */
export async function readHeaders(file: Blob): Promise<HduHeader[]> {
  const headers: HduHeader[] = [];
  for (let place = 0; place < file.size; ) {
    const header = await headerAt(file, place);
    if (!header) break;
    headers.push(header);
    place = header.dataStart + Math.ceil(header.dataSize / BLOCK) * BLOCK;
  }
  return headers;
}

async function headerAt(file: Blob, place: number): Promise<HduHeader | null> {
  const cards: string[] = [];
  for (let start = place; ; start += READ_AT_ONCE) {
    const text = latin1(await file.slice(start, start + READ_AT_ONCE).arrayBuffer());
    if (start === place && !text.startsWith(place ? "XTENSION" : "SIMPLE")) {
      if (place) return null;
      throw new InputError("it cannot be read as FITS: it does not begin with SIMPLE");
    }
    for (let i = 0; i + CARD <= text.length; i += CARD) {
      const card = text.slice(i, i + CARD);
      if (card.startsWith("END     ")) {
        const length = cards.length * CARD;
        return new HduHeader(cards, place + (Math.floor(length / BLOCK) + 1) * BLOCK, file.size);
      }
      cards.push(card);
    }
    if (text.length < READ_AT_ONCE || cards.length * CARD > MOST_BLOCKS * BLOCK) {
      if (place) return null;
      throw new InputError("the header does not end: the file is truncated");
    }
  }
}

function latin1(content: ArrayBuffer): string {
  return new TextDecoder("latin1").decode(content);
}
