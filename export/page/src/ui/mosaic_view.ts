/** The overview of a mosaic, on which a source is chosen by a click, the keys, or its position. */
import type { Pair } from "../images/frame";
import type { Mosaic } from "../protocol";
import { colourAt } from "./colours";
import { skyText } from "./format";
import { byId } from "./result_card";

export class MosaicView {
  private mosaic: Mosaic | null = null;
  private cross: Pair = [0, 0];
  private readonly canvas = byId<HTMLCanvasElement>("mosaic-map");

  constructor(private readonly choose: (pixel: Pair) => void) {
    this.canvas.addEventListener("pointermove", (event) => this.read(this.pixelAt(event)));
    this.canvas.addEventListener("click", (event) => this.take(this.pixelAt(event)));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
  }

  show(mosaic: Mosaic, name: string): void {
    this.mosaic = mosaic;
    this.cross = [(mosaic.width - 1) / 2, (mosaic.height - 1) / 2];
    byId("mosaic").hidden = false;
    byId("mosaic-text").textContent =
      `${name} has ${mosaic.width} x ${mosaic.height} pixels. Click on a source, or give its position. ` +
      "The source near that place is classified.";
    this.draw();
  }

  private draw(): void {
    const { overview } = this.mosaic!;
    [this.canvas.width, this.canvas.height] = [overview.width, overview.height];
    const context = this.canvas.getContext("2d")!;
    const image = context.createImageData(overview.width, overview.height);
    const sorted = overview.pixels.filter(Number.isFinite).sort();
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    const sigma = at(0.5) - at(0.16);
    const low = at(0.5) - sigma / 2;
    const high = Math.max(at(0.9995), low + 12 * sigma);
    for (let y = 0; y < overview.height; y++) {
      for (let x = 0; x < overview.width; x++) {
        const value = overview.pixels[(overview.height - 1 - y) * overview.width + x]!;
        const place = Math.sqrt(Math.max((value - low) / (high - low || 1), 0));
        const colour = Number.isFinite(value) ? colourAt("grey", place) : [52, 58, 74];
        image.data.set([...colour, 255], 4 * (y * overview.width + x));
      }
    }
    context.putImageData(image, 0, 0);
    const x = (this.cross[0] + 0.5) / this.mosaic!.step;
    const y = overview.height - (this.cross[1] + 0.5) / this.mosaic!.step;
    context.strokeStyle = "#f5a623";
    context.lineWidth = Math.max(overview.width / 400, 1);
    const arm = overview.width / 40;
    context.strokeRect(x - arm / 2, y - arm / 2, arm, arm);
  }

  private pixelAt(event: MouseEvent): Pair {
    const { overview, step, width, height } = this.mosaic!;
    const box = this.canvas.getBoundingClientRect();
    const scale = Math.max(overview.width / box.width, overview.height / box.height);
    const x = (event.clientX - box.left - box.width / 2) * scale + overview.width / 2;
    const y = (event.clientY - box.top - box.height / 2) * scale + overview.height / 2;
    return [clamp(x * step - 0.5, width), clamp((overview.height - y) * step - 0.5, height)];
  }

  private press(event: KeyboardEvent): void {
    const { step } = this.mosaic!;
    const pace = step * (event.shiftKey ? 20 : 4);
    const moves: Record<string, Pair> = {
      ArrowLeft: [-pace, 0], ArrowRight: [pace, 0], ArrowUp: [0, pace], ArrowDown: [0, -pace],
    };
    const move = moves[event.key];
    if (event.key === "Enter") this.take(this.cross);
    else if (move) {
      const { width, height } = this.mosaic!;
      this.cross = [clamp(this.cross[0] + move[0], width), clamp(this.cross[1] + move[1], height)];
      this.draw();
      this.read(this.cross);
    } else return;
    event.preventDefault();
  }

  private take(pixel: Pair): void {
    this.cross = pixel;
    this.draw();
    this.choose(pixel);
  }

  private read(pixel: Pair): void {
    const [x, y] = pixel.map((each) => each.toFixed(0));
    byId("mosaic-readout").textContent = `${skyText(this.mosaic!.keywords, pixel)}   pixel ${x}, ${y}`;
  }
}

function clamp(place: number, extent: number): number {
  return Math.min(Math.max(place, 0), extent - 1);
}
