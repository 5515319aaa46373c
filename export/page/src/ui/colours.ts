/** Colour maps, from the colours that Python's figures have. */
import { COLOURS } from "../../generated/constants";

export type Rgb = readonly [number, number, number];

const PARSED = new Map<string, readonly Rgb[]>(
  Object.entries(COLOURS).map(([name, texts]) => [name, texts.map(parse)]),
);

function parse(text: string): Rgb {
  const value = parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** A colour of a class, brighter, for a dark map. */
export function brightened(text: string): Rgb {
  const lift = (value: number) => value + (255 - value) * 0.22;
  const [red, green, blue] = parse(text);
  return [lift(red), lift(green), lift(blue)];
}

/** The colour at a place from 0 to 1. */
export function colourAt(name: string, place: number): Rgb {
  const isReversed = name === "inverse";
  const stops = PARSED.get(isReversed ? "grey" : name)!;
  const inside = Math.min(Math.max(place, 0), 1);
  const exact = (isReversed ? 1 - inside : inside) * (stops.length - 1);
  const low = Math.min(Math.floor(exact), stops.length - 2);
  const [one, other] = [stops[low]!, stops[low + 1]!];
  const mix = (k: 0 | 1 | 2) => one[k] + (other[k] - one[k]) * (exact - low);
  return [mix(0), mix(1), mix(2)];
}
