/** Read sections of a map's pixels from a Blob; of a mosaic, only the rows that are needed. */
import { InputError } from "./errors";
import type { HduHeader } from "./fits_file";
import { grid, inBlocks, type Grid } from "./grid";
import type { Planes } from "./map_planes";

const WHOLE_ROWS = 64 * 2 ** 20; // bytes: smaller ranges are read at once
const WHOLE_MAP = 512 * 2 ** 20; // bytes: smaller maps are read whole for an overview

export class MapPixels {
  private readonly bits: number;
  private readonly strides: number[];

  constructor(
    private readonly file: Blob,
    private readonly header: HduHeader,
    readonly planes: Planes,
  ) {
    this.bits = header.values.get("BITPIX") as number;
    let stride = Math.abs(this.bits) / 8;
    this.strides = header.shape.map((extent) => {
      const own = stride;
      stride *= extent;
      return own;
    });
  }

  /** Pixels [left, right) of rows [top, bottom). */
  async section(left: number, top: number, right: number, bottom: number): Promise<Grid> {
    const width = right - left;
    const cut = grid(width, bottom - top);
    const { rowAxis, columnAxis } = this.planes;
    const [rowStride, columnStride] = [this.strides[rowAxis]!, this.strides[columnAxis]!];
    const start =
      this.header.dataStart +
      this.planes.index.reduce((sum, plane, axis) => sum + plane * this.strides[axis]!, 0);
    const size = Math.abs(this.bits) / 8;
    const rowLength = (right - left - 1) * columnStride + size;
    const whole = rowStride * (bottom - top) <= WHOLE_ROWS;
    const convert = this.converter();
    let all: DataView | null = null;
    const first = start + top * rowStride + left * columnStride;
    if (whole) all = await this.bytes(first, (bottom - top - 1) * rowStride + rowLength);
    for (let row = 0; row < cut.height; row++) {
      const offset = row * rowStride;
      const view = all ?? (await this.bytes(first + offset, rowLength));
      const base = all ? offset : 0;
      for (let column = 0; column < width; column++) {
        const value = convert(view, base + column * columnStride);
        cut.pixels[row * width + column] = value;
      }
    }
    return cut;
  }

  /** Pixels [low, high), averaged in blocks. */
  async blocks(low: readonly number[], high: readonly number[], block: number): Promise<Grid> {
    const width = Math.floor((high[0]! - low[0]!) / block);
    const height = Math.floor((high[1]! - low[1]!) / block);
    if (width <= 0 || height <= 0) {
      throw new InputError("almost all of the frame is outside the map here");
    }
    const right = low[0]! + width * block;
    if (block === 1) return this.section(low[0]!, low[1]!, right, low[1]! + height);
    const found = grid(width, height);
    for (let y = 0; y < height; y++) {
      const top = low[1]! + y * block;
      const part = await this.section(low[0]!, top, right, top + block);
      found.pixels.set(inBlocks(part, block).pixels, y * width);
    }
    return found;
  }

  /** The whole map, averaged in blocks; of a large file, only the first row of each block. */
  async overview(block: number): Promise<Grid> {
    const { width, height } = this.planes;
    const found = grid(Math.ceil(width / block), Math.ceil(height / block));
    const isSmall = width * height * (Math.abs(this.bits) / 8) <= WHOLE_MAP;
    for (let y = 0; y < found.height; y++) {
      const bottom = isSmall ? Math.min((y + 1) * block, height) : y * block + 1;
      const part = await this.section(0, y * block, width, bottom);
      const sums = new Float64Array(found.width);
      const counts = new Float64Array(found.width);
      part.pixels.forEach((value, i) => {
        if (!Number.isFinite(value)) return;
        const x = Math.floor((i % width) / block);
        sums[x]! += value;
        counts[x]! += 1;
      });
      for (let x = 0; x < found.width; x++) found.pixels[y * found.width + x] = sums[x]! / counts[x]!;
    }
    return found;
  }

  private async bytes(start: number, length: number): Promise<DataView> {
    const content = await this.file.slice(start, start + length).arrayBuffer();
    if (content.byteLength !== length) throw new InputError("the file is truncated: fetch it again");
    return new DataView(content);
  }

  /** A function from bytes to a brightness, rounded as astropy rounds it. */
  private converter(): (view: DataView, offset: number) => number {
    const { values } = this.header;
    const stored = READERS[this.bits]!;
    const [scale, zero] = [Number(values.get("BSCALE") ?? 1), Number(values.get("BZERO") ?? 0)];
    const blank = this.bits > 0 ? values.get("BLANK") : undefined;
    if (scale === 1 && zero === 0 && typeof blank !== "number") return stored;
    // astropy scales 8-bit and 16-bit integers in float32, and longer ones in float64.
    const round = this.bits === -32 || this.bits === 8 || this.bits === 16 ? Math.fround : Number;
    return (view, offset) => {
      const value = stored(view, offset);
      if (value === blank) return NaN;
      return round(round(value * round(scale)) + round(zero));
    };
  }
}

const READERS: Record<number, (view: DataView, offset: number) => number> = {
  8: (view, offset) => view.getUint8(offset),
  16: (view, offset) => view.getInt16(offset),
  32: (view, offset) => view.getInt32(offset),
  64: (view, offset) => Number(view.getBigInt64(offset)),
  [-32]: (view, offset) => view.getFloat32(offset),
  [-64]: (view, offset) => view.getFloat64(offset),
};
