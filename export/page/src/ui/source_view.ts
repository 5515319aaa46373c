/** The map of the chosen source with its controls, key and readout. */
import { IMAGE_SIZE } from "../../generated/constants";
import type { Result } from "../protocol";
import { overlayName } from "./downloads";
import type { Entry } from "./entries";
import { brightness, fixed, significant, skyText } from "./format";
import { contourText, limitOf, overlayColour, overlayOf, type ViewOptions } from "./layers";
import { drawSource, type Place } from "./map_view";
import { byId, element } from "./result_card";

export class SourceView {
  private result: Result | null = null;
  private overlay = "evidence";
  private cross: Place | null = null;
  private readonly canvas = byId<HTMLCanvasElement>("map");

  constructor() {
    for (const id of ["stretch", "colours", "strength", "contours"]) {
      byId(id).addEventListener("input", () => this.draw());
    }
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.read(this.cross));
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  get options(): ViewOptions {
    return {
      overlay: this.overlay,
      stretch: byId<HTMLSelectElement>("stretch").value,
      colours: byId<HTMLSelectElement>("colours").value,
      strength: Number(byId<HTMLInputElement>("strength").value),
      contours: byId<HTMLInputElement>("contours").checked,
    };
  }

  show({ result }: Entry): void {
    this.result = result;
    this.cross = null;
    this.listOverlays();
    this.read(null);
    this.draw();
  }

  private listOverlays(): void {
    const { found } = this.result!;
    const names = [
      "none",
      ...(found.evidence ? ["evidence"] : []),
      ...(found.mean ? ["mean"] : []),
      ...found.gates.map((gate) => gate.name),
    ];
    const chosen = names.includes(this.overlay) ? this.overlay : "none";
    const legend = byId("overlays").querySelector("legend")!;
    const choices = names.map((name) => {
      const label = document.createElement("label");
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", name: "overlay", value: name, checked: name === chosen });
      input.addEventListener("change", () => {
        this.overlay = name;
        this.draw();
      });
      label.append(input, element("span", name === "none" ? "none" : overlayName(name)));
      return label;
    });
    byId("overlays").replaceChildren(legend, ...choices);
  }

  private draw(): void {
    if (!this.result || !this.canvas.clientWidth) return;
    const size = Math.round(this.canvas.clientWidth * Math.min(devicePixelRatio, 2));
    [this.canvas.width, this.canvas.height] = [size, size];
    drawSource(this.canvas.getContext("2d")!, size, this.result, this.options, this.cross);
    this.showKey();
  }

  private showKey(): void {
    const overlay = overlayOf(this.result!, this.overlay);
    const parts: HTMLElement[] = [];
    if (overlay) {
      const isEvidence = overlay.name === "evidence";
      const limit = significant(limitOf(overlay));
      const scale = element("span", "", "scale");
      const [low, high] = isEvidence ? [`FRI ◂ −${limit}`, `+${limit} ▸ FRII`] : ["attention 0", limit];
      scale.append(element("span", low), gradient(overlay.name, this.options.strength), element("span", high));
      scale.title = isEvidence ? "Evidence of a pixel: its part of logit(FRII) − logit(FRI)" : "";
      parts.push(scale);
    }
    if (this.options.contours) {
      const lines = element("span", "");
      lines.append(element("span", "", "line"), contourText(overlay, this.result!.isPicture));
      parts.push(lines);
    }
    byId("key").replaceChildren(...parts);
  }

  private point(event: MouseEvent): void {
    if (!this.result) return;
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * IMAGE_SIZE);
    const row = Math.floor(((event.clientY - box.top) / box.height) * IMAGE_SIZE);
    this.read(inside([column, this.result.isPicture ? row : IMAGE_SIZE - 1 - row]));
  }

  private press(event: KeyboardEvent): void {
    const up = this.result?.isPicture ? -1 : 1;
    const pace = event.shiftKey ? 10 : 1;
    const moves: Record<string, Place> = {
      ArrowLeft: [-pace, 0], ArrowRight: [pace, 0], ArrowUp: [0, up * pace], ArrowDown: [0, -up * pace],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const [x, y] = this.cross ?? [Math.floor(IMAGE_SIZE / 2), Math.floor(IMAGE_SIZE / 2)];
    this.cross = inside([x + move[0], y + move[1]]);
    this.draw();
    this.read(this.cross);
  }

  private read(place: Place | null): void {
    const readout = byId("readout");
    if (!place || !this.result) {
      readout.textContent = "Point at the map, or use the arrow keys on it.";
      return;
    }
    const { cutout, isPicture } = this.result;
    const i = place[1] * IMAGE_SIZE + place[0];
    const value = cutout.brightness.pixels[i]!;
    const isJansky = !cutout.flags.includes("unknown_unit");
    const parts = [skyText(cutout.keywords, place)];
    parts.push(isPicture ? `grey level ${cutout.pixels[i]}` : brightness(value, isJansky));
    if (Number.isFinite(cutout.noise)) parts.push(`${fixed(value / cutout.noise, 1)} σ`);
    const overlay = overlayOf(this.result, this.overlay);
    if (overlay) {
      const scale = overlay.size / IMAGE_SIZE;
      const [x, y] = place.map((each) => Math.floor((each + 0.5) * scale)) as [number, number];
      const name = overlayName(overlay.name);
      parts.push(`${name} ${significant(overlay.values[y * overlay.size + x]!)}`);
    }
    readout.textContent = parts.filter(Boolean).join("  ·  ");
  }
}

function inside([x, y]: Place): Place {
  const clamp = (place: number) => Math.min(Math.max(place, 0), IMAGE_SIZE - 1);
  return [clamp(x), clamp(y)];
}

function gradient(name: string, strength: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [150, 1];
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(150, 1);
  for (let x = 0; x < 150; x++) {
    const place = x / 149;
    const share = name === "evidence" ? 2 * place - 1 : place;
    image.data.set(overlayColour(name, share, strength), 4 * x);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
