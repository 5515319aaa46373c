/** The CSV and PNG files that the page offers. */
import { COLUMNS, IMAGE_SIZE } from "../../generated/constants";
import { meanWidth } from "../images/beam";
import { isIcrs, pixelToSky } from "../images/celestial";
import type { FrameMap } from "../edge/classifier";
import type { Metadata } from "../edge/model_file";
import type { Entry } from "./entries";
import { probabilitiesText, significant } from "./format";
import { contourText, limitOf, overlayColour, overlayOf, type ViewOptions } from "./layers";
import { drawSource } from "./map_view";
import { spoken } from "./result_card";

type Cell = string | number | null;

/** Rows of `astroattn classify --output results.csv`, of the sources on the page. */
export function csvOf(entries: readonly Entry[], { name }: Metadata): string {
  const lines = entries.map((entry) => {
    const row = rowOf(entry, name);
    return COLUMNS.map((column) => cell(row[column] ?? null)).join(",");
  });
  return [COLUMNS.join(","), ...lines, ""].join("\r\n");
}

function rowOf({ file, result, error, position }: Entry, model: string): Record<string, Cell> {
  const asked = { path: file, ra: position?.[0] ?? null, dec: position?.[1] ?? null, model };
  if (!result) return { ...asked, label: "error", error };
  const { cutout, found } = result;
  const middle = (IMAGE_SIZE - 1) / 2;
  const { keywords } = cutout;
  const onSky = (x: number, y: number) =>
    keywords && isIcrs(keywords) ? pixelToSky(keywords, [middle + x, middle + y]) : null;
  const frame = onSky(0, 0);
  const centroid = cutout.ellipse && onSky(...cutout.centroid);
  return {
    ...asked,
    label: found.label,
    p_fri: found.probabilities?.[0] ?? null,
    p_frii: found.probabilities?.[1] ?? null,
    entropy_nats: found.entropy,
    noise_jy_beam: cutout.flags.includes("unknown_unit") ? null : cutout.noise,
    peak_snr: cutout.peakSnr,
    source_fraction: cutout.sourceFraction,
    largest_angular_size_arcsec: cutout.largestAngularSize,
    centroid_ra: centroid?.[0] ?? null,
    centroid_dec: centroid?.[1] ?? null,
    major_arcsec: cutout.ellipse?.major ?? null,
    minor_arcsec: cutout.ellipse?.minor ?? null,
    position_angle_deg: cutout.ellipse?.positionAngle ?? null,
    beam_arcsec: cutout.beam && meanWidth(cutout.beam),
    frame_ra: frame?.[0] ?? null,
    frame_dec: frame?.[1] ?? null,
    offset_arcsec: cutout.offset,
    flags: cutout.flags.join(";"),
  };
}

function cell(value: Cell): string {
  if (value === null || (typeof value === "number" && !Number.isFinite(value))) return "";
  if (typeof value === "number") return String(Number(value.toPrecision(9)));
  // A file name that a spreadsheet would read as a formula is text.
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The map with its overlay, label and key, as a PNG picture. */
export async function pngOf(entry: Entry, options: ViewOptions): Promise<Blob> {
  const [size, band] = [1200, 150];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size, size + band];
  const context = canvas.getContext("2d")!;
  const result = entry.result!;
  drawSource(context, size, result, options, null);
  context.fillStyle = "#ffffff";
  context.fillRect(0, size, size, band);
  context.fillStyle = "#1b2330";
  context.textAlign = "left";
  const write = (text: string, y: number, font: string) => {
    context.font = `${font} system-ui, sans-serif`;
    context.fillText(text, 28, size + y, size - (y < 120 ? 340 : 56));
  };
  const { found } = result;
  const p = found.probabilities;
  write(`${spoken(found.label)}${p ? `   ${probabilitiesText(p)}` : ""}`, 52, "700 36px");
  write(entry.title, 94, "400 26px");
  const overlay = overlayOf(result, options.overlay);
  const lines = options.contours ? `; lines: ${contourText(overlay, result.isPicture)}` : "";
  const colours = overlay?.name === "evidence" ? " (blue speaks for FRI, orange for FRII)" : "";
  if (overlay) drawScale(context, size, overlay, options.strength);
  const name = overlay ? `${overlayName(overlay.name)}${colours}` : "no overlay";
  write(`Colours: ${name}${lines}`, 130, "400 22px");
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob!), "image/png"));
}

/** The colour scale of an overlay, at the right of the band below the map. */
function drawScale(context: CanvasRenderingContext2D, size: number, overlay: FrameMap, strength: number): void {
  const [width, height] = [240, 20];
  const [left, top] = [size - width - 28, size + 28];
  context.fillStyle = "#000000";
  context.fillRect(left, top, width, height);
  const isEvidence = overlay.name === "evidence";
  for (let x = 0; x < width; x++) {
    const place = x / (width - 1);
    const [r, g, b, alpha] = overlayColour(overlay.name, isEvidence ? 2 * place - 1 : place, strength);
    context.fillStyle = `rgb(${r} ${g} ${b} / ${alpha! / 255})`;
    context.fillRect(left + x, top, 1, height);
  }
  const limit = significant(limitOf(overlay));
  context.fillStyle = "#1b2330";
  context.font = "400 20px system-ui, sans-serif";
  context.fillText(isEvidence ? `−${limit}` : "0", left, top + height + 24);
  context.textAlign = "right";
  context.fillText(isEvidence ? `+${limit}` : limit, left + width, top + height + 24);
  context.textAlign = "left";
}

export function overlayName(name: string): string {
  if (name === "evidence") return "evidence";
  return name.endsWith("mean") ? "mean attention" : `attention of gate ${name.replace("attention_", "")}`;
}

/** Offer a file for download. */
export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
