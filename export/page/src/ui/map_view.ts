/** Draw a source: map, overlay, contours, scale bar, beam and compass. */
import { contours as contoursAt } from "d3-contour";
import { pixelToSky, skyToPixel } from "../images/celestial";
import type { Result } from "../protocol";
import { contoursOf, mapImage, overlayImage, overlayOf, type Contours, type ViewOptions } from "./layers";

const BARS = [5, 10, 20, 30, 60, 120, 300, 600]; // arcsec

/** A place on the frame: column and row from the first pixel. */
export type Place = readonly [number, number];

/** Draw a result onto a square canvas of `size` pixels. */
export function drawSource(
  context: CanvasRenderingContext2D,
  size: number,
  result: Result,
  options: ViewOptions,
  cross: Place | null,
): void {
  const overlay = overlayOf(result, options.overlay);
  context.clearRect(0, 0, size, size);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.save();
  // The first row of a map is its lowest, and that of a picture its highest.
  if (!result.isPicture) context.transform(1, 0, 0, -1, 0, size);
  context.drawImage(asCanvas(mapImage(result, options)), 0, 0, size, size);
  if (overlay) {
    // The map steps back behind the colours.
    context.fillStyle = options.colours === "inverse" ? "#ffffff55" : "#00000066";
    context.fillRect(0, 0, size, size);
    context.drawImage(asCanvas(overlayImage(overlay, options.strength)), 0, 0, size, size);
  }
  if (options.contours) drawContours(context, size, contoursOf(result, overlay), options.colours);
  context.restore();
  const light = options.colours === "inverse" ? "#000" : "#fff";
  drawScaleBar(context, size, result, light);
  drawBeam(context, size, result, light);
  drawCompass(context, size, result, light);
  if (cross) drawCross(context, size, result, cross, light);
}

function asCanvas(image: ImageData): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

function drawContours(
  context: CanvasRenderingContext2D,
  size: number,
  { map, levels, outline }: Contours,
  colours: string,
): void {
  const scale = size / map.width;
  const stroke = (level: number, colour: string, width: number): void => {
    const [shape] = contoursAt().size([map.width, map.height]).thresholds([level])(
      map.pixels as unknown as number[],
    );
    context.beginPath();
    for (const ring of shape!.coordinates.flat()) {
      ring.forEach(([x, y], i) => {
        if (i) context.lineTo(x! * scale, y! * scale);
        else context.moveTo(x! * scale, y! * scale);
      });
    }
    context.lineJoin = "round";
    context.strokeStyle = colour;
    context.lineWidth = (width * size) / 560;
    context.stroke();
  };
  const isDark = colours !== "inverse";
  if (outline !== null && Number.isFinite(outline)) stroke(outline, isDark ? "#ffffff66" : "#00000066", 1);
  for (const level of levels) {
    stroke(level, isDark ? "#00000090" : "#ffffff90", 2.6);
    stroke(level, isDark ? "#ffffffdd" : "#000000dd", 1.1);
  }
}

function write(
  context: CanvasRenderingContext2D,
  size: number,
  text: string,
  [x, y]: Place,
  colour: string,
  align: CanvasTextAlign = "center",
): void {
  context.font = `600 ${Math.round(size / 42)}px system-ui, sans-serif`;
  context.textAlign = align;
  context.lineWidth = size / 160;
  context.strokeStyle = colour === "#fff" ? "#000a" : "#fffa";
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

function drawScaleBar(context: CanvasRenderingContext2D, size: number, { cutout }: Result, colour: string): void {
  const pixel = size / cutout.brightness.width;
  const length = (arcsec: number) => (arcsec / cutout.pixelScale) * pixel;
  const arcsec = BARS.filter((each) => length(each) < size * 0.35).at(-1) ?? BARS[0]!;
  const [x, y] = [size * 0.04, size * 0.955];
  line(context, size, [x, y], [x + length(arcsec), y], colour);
  const text = arcsec >= 60 ? `${arcsec / 60}′` : `${arcsec}″`;
  write(context, size, text, [x + length(arcsec) / 2, y - size * 0.014], colour);
}

function drawBeam(context: CanvasRenderingContext2D, size: number, { cutout }: Result, colour: string): void {
  if (!cutout.beam) return;
  const { major, minor, angle } = cutout.beam;
  const pixel = size / cutout.brightness.width / cutout.pixelScale;
  context.beginPath();
  // The position angle runs from north (up) through east (left).
  const turn = ((-angle - 90) * Math.PI) / 180;
  const [x, y] = [size * 0.95, size * 0.95];
  context.ellipse(x, y, (major / 2) * pixel, (minor / 2) * pixel, turn, 0, 2 * Math.PI);
  context.fillStyle = colour === "#fff" ? "#ffffffcc" : "#000000cc";
  context.fill();
  write(context, size, "beam", [size * 0.925, size * 0.957], colour, "right");
}

function drawCompass(
  context: CanvasRenderingContext2D,
  size: number,
  { cutout }: Result,
  colour: string,
): void {
  if (!cutout.keywords) return;
  const middle: Place = [(cutout.brightness.width - 1) / 2, (cutout.brightness.height - 1) / 2];
  const [ra, dec] = pixelToSky(cutout.keywords, middle);
  if (!Number.isFinite(ra)) return;
  const step = cutout.pixelScale / 3600;
  const east = step / Math.max(Math.cos((dec * Math.PI) / 180), 1e-6);
  const from: Place = [size * 0.92, size * 0.13];
  for (const [name, sky] of [["N", [ra, dec + step]], ["E", [ra + east, dec]]] as const) {
    const [x, y] = skyToPixel(cutout.keywords, sky as [number, number]);
    const [dx, dy] = [x - middle[0], middle[1] - y];
    const length = Math.hypot(dx, dy);
    if (!(length > 0)) continue;
    const tip: Place = [from[0] + (dx / length) * size * 0.06, from[1] + (dy / length) * size * 0.06];
    line(context, size, from, tip, colour);
    const label: Place = [
      from[0] + (dx / length) * size * 0.082,
      from[1] + (dy / length) * size * 0.082 + size * 0.009,
    ];
    write(context, size, name, label, colour);
  }
}

function line(
  context: CanvasRenderingContext2D,
  size: number,
  from: Place,
  to: Place,
  colour: string,
): void {
  for (const [style, width] of [[colour === "#fff" ? "#000a" : "#fffa", 4.5], [colour, 2]] as const) {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.strokeStyle = style;
    context.lineWidth = (width * size) / 560;
    context.stroke();
  }
}

function drawCross(
  context: CanvasRenderingContext2D,
  size: number,
  { cutout, isPicture }: Result,
  [column, row]: Place,
  colour: string,
): void {
  const scale = size / cutout.brightness.width;
  const x = (column + 0.5) * scale;
  const y = isPicture ? (row + 0.5) * scale : size - (row + 0.5) * scale;
  const arm = size * 0.02;
  line(context, size, [x - arm, y], [x + arm, y], colour);
  line(context, size, [x, y - arm], [x, y + arm], colour);
}
