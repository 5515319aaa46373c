/** Positions on the sky in the usual notations; see `images.position`. */
import { InputError } from "./errors";
import type { Sky } from "./celestial";

const HOURS = 15;
const UNSIGNED = String.raw`(\d+(?:\.\d*)?|\.\d+)`;
const ANGLE = new RegExp(
  String.raw`^([+-]?)\s*${UNSIGNED}(?:` +
    String.raw`(?::${UNSIGNED}(?::${UNSIGNED})?)` +
    String.raw`|(?:\s+${UNSIGNED}(?:\s+${UNSIGNED})?)` +
    String.raw`|(?:\s*(h|hr|hours?|d|deg|degrees?|°)` +
    String.raw`(?:\s*${UNSIGNED}\s*(?:m|min|'|′)(?:\s*${UNSIGNED}\s*(?:s|sec|"|″|'')?)?)?))$`,
);

/** Right ascension in [0, 360) and declination of a text, degrees. */
export function parsePosition(position: string): Sky {
  const parts = partsOf(position);
  const wrong = () => new InputError(
    `position '${position}' is not RA,DEC in degrees, nor hh:mm:ss,dd:mm:ss`,
  );
  if (parts.length !== 2) {
    throw new InputError(
      `position '${position}' is not RA,DEC: give degrees, as 187.7,+12.4, or hh:mm:ss,dd:mm:ss`,
    );
  }
  const ra = angle(parts[0]!, HOURS, true);
  const dec = angle(parts[1]!, 1, false);
  if (Number.isNaN(ra) || Number.isNaN(dec)) throw wrong();
  if (!(ra >= -360 && ra <= 360 && dec >= -90 && dec <= 90)) {
    throw new InputError(`position '${position}' is not on the sky: RA 0 to 360, DEC -90 to 90`);
  }
  return [((ra % 360) + 360) % 360, dec];
}

function partsOf(text: string): string[] {
  if (text.includes(",")) return text.split(",");
  const words = text.split(/\s+/).filter(Boolean);
  if (words.length % 2) return words;
  const middle = words.length / 2;
  return [words.slice(0, middle).join(" "), words.slice(middle).join(" ")];
}

/** An angle in degrees; NaN if the text is none. */
function angle(given: string, sexagesimal: number, allowHours: boolean): number {
  const text = given.trim().replaceAll("\u2212", "-");
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const found = ANGLE.exec(text.toLowerCase());
  if (!found) return NaN;
  const [, sign, whole, m1, s1, m2, s2, letter, m3, s3] = found;
  const stated = (...texts: (string | undefined)[]) => texts.find((each) => each !== undefined);
  const [minutes, seconds] = [stated(m1, m2, m3), stated(s1, s2, s3)];
  const isFraction = (each: string | undefined) => each !== undefined && Number(each) % 1 !== 0;
  if (minutes !== undefined && whole!.includes(".")) return NaN;
  if (Number(minutes ?? 0) >= 60 || Number(seconds ?? 0) >= 60) return NaN;
  if (seconds !== undefined && isFraction(minutes)) return NaN;
  let unit = sexagesimal;
  if (letter !== undefined) {
    if (letter.startsWith("h") && !allowHours) return NaN;
    unit = letter.startsWith("h") ? HOURS : 1;
  }
  const value = Number(whole) + Number(minutes ?? 0) / 60 + Number(seconds ?? 0) / 3600;
  return (sign === "-" ? -value : value) * unit;
}
