/** Figures and positions as text. */
import { isIcrs, pixelToSky, type Sky, type WcsKeywords } from "../images/celestial";

export function fixed(value: number | null, digits: number): string {
  return value === null || !Number.isFinite(value) ? "" : value.toFixed(digits);
}

/** A probability with the two to four decimals that tell it from 0 and 1. */
export function probabilityText(probability: number): string {
  for (const digits of [2, 3, 4]) {
    const text = probability.toFixed(digits);
    if (Number(text) > 0 && Number(text) < 1) return text;
  }
  return probability > 0.5 ? "> 0.9999" : "< 0.0001";
}

/** P(FRI) and P(FRII) as text. */
export function probabilitiesText([fri, frii]: readonly number[]): string {
  return `P(FRI) ${probabilityText(fri!)}, P(FRII) ${probabilityText(frii!)}`;
}

/** Three significant digits, without an exponent where possible. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return "";
  const size = Math.abs(value);
  return size >= 1000 || size < 0.01 ? value.toExponential(2) : Number(value.toPrecision(3)).toString();
}

/** A brightness in Jy/beam with a suitable prefix. */
export function brightness(value: number, isJansky: boolean): string {
  if (!Number.isFinite(value)) return "unknown";
  if (!isJansky) return `${significant(value)} (unit of the file)`;
  const size = Math.abs(value);
  if (size >= 0.1) return `${significant(value)} Jy/beam`;
  return size >= 1e-4 ? `${significant(value * 1e3)} mJy/beam` : `${significant(value * 1e6)} µJy/beam`;
}

/** RA and Dec of a position, sexagesimal. */
export function sexagesimal([ra, dec]: Sky): string {
  if (!Number.isFinite(ra)) return "";
  const hours = parts(ra / 15, 2, 24);
  const degrees = parts(Math.abs(dec), 1, Infinity);
  return `${hours} ${dec < 0 ? "−" : "+"}${degrees}`;
}

function parts(value: number, digits: number, wrap: number): string {
  const unit = 10 ** digits;
  const whole = Math.round(value * 3600 * unit);
  const seconds = (whole % (60 * unit)) / unit;
  const minutes = Math.floor(whole / (60 * unit)) % 60;
  const first = Math.floor(whole / (3600 * unit)) % wrap;
  const pad = (each: number) => String(each).padStart(2, "0");
  return `${pad(first)}:${pad(minutes)}:${seconds.toFixed(digits).padStart(digits + 3, "0")}`;
}

/** The sky position of a pixel as text, with its system unless it is ICRS; empty if unknown. */
export function skyText(keywords: WcsKeywords | null, pixel: readonly [number, number]): string {
  if (!keywords) return "";
  const sky = pixelToSky(keywords, pixel);
  if (!sky.every(Number.isFinite)) return "";
  if (isIcrs(keywords)) return `RA, Dec ${sexagesimal(sky)}`;
  if (keywords.system === "RA") return `RA, Dec ${sexagesimal(sky)} (${keywords.frame || "equinox"} ${keywords.equinox})`;
  return `${keywords.system.toLowerCase()} ${sky[0].toFixed(4)}° ${sky[1].toFixed(4)}°`;
}
