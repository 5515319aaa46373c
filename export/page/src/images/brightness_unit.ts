/** Brightness unit of a map, and its conversion to Jy/beam. */
import { beamArea, type Beam } from "./beam";
import { InputError, OnlyCommandError } from "./errors";

const PREFIXES: Record<string, number> = {
  "": 1, m: 1e-3, u: 1e-6, µ: 1e-6, μ: 1e-6, n: 1e-9, k: 1e3, M: 1e6,
};
const JANSKY = String.raw`([mMunkµμ]?)(?:jy|jansky|janskies|janskys)`;
const PER_BEAM = new RegExp(
  String.raw`^${JANSKY}(?:\s*/\s*\(?\s*(?:beam|bm)\s*\)?|[\s.*]*(?:beam|bm)\s*(?:\^|\*\*)?\(?-1\)?|\s+per\s+beam)$`,
  "i",
);
const PER_AREA = new RegExp(
  String.raw`^${JANSKY}(?:\s*/\s*|[\s.*]+(?=\w+\s*(?:\^|\*\*)?\(?-1))(pixels?|px|pix|sr)\s*(?:(?:\^|\*\*)?\(?-1\)?)?$`,
  "i",
);
const KELVIN = /^(m?)(?:K|kelvins?)(?:\s*\(?T_?b\)?)?$/i;
const ARBITRARY = /^(1|counts?|ct|adu|dn|electrons?|jy|mjy)$/i;
const STERADIANS = (Math.PI / 180 / 3600) ** 2;

/** The factor that converts a map to Jy/beam; null if the unit is missing or arbitrary. */
export function toJanskyPerBeam(
  unit: string,
  beam: Beam | null,
  pixelArea: number | null,
  frequency: number | null,
): number | null {
  const text = unit.split(/\s+/).filter(Boolean).join(" ");
  if (!text || ARBITRARY.test(text)) return null;
  const perBeam = PER_BEAM.exec(text);
  if (perBeam) return prefix(perBeam[1]!, text);
  const kelvin = KELVIN.exec(text);
  if (kelvin) {
    if (!beam || frequency === null) return null;
    const perKelvin = (2 * 1.380649e-23 * (frequency / 299_792_458) ** 2) / 1e-26; // Jy/sr
    return PREFIXES[kelvin[1]!.toLowerCase()]! * perKelvin * beamArea(beam, 1) * STERADIANS;
  }
  const perArea = PER_AREA.exec(text);
  if (perArea) {
    if (!beam) return null;
    if (/sr/i.test(perArea[2]!)) {
      // In capitals, M means milli in MJY/PIXEL (AIPS) and mega in MJY/SR (infrared maps).
      const factor = PREFIXES[perArea[1]!] ?? PREFIXES[perArea[1]!.toLowerCase()]!;
      return factor * beamArea(beam, 1) * STERADIANS;
    }
    return pixelArea ? prefix(perArea[1]!, text) * beamArea(beam, pixelArea) : null;
  }
  if (/\bk?m\s*(\/|\.|\*|\s)\s*s/i.test(text)) {
    throw new InputError(`its unit is '${text}', not a brightness: give a map in Jy/beam`);
  }
  throw new OnlyCommandError(`its unit is '${text}'`);
}

function prefix(letter: string, text: string): number {
  // MJy is a million Jy and mJy a thousandth, but AIPS writes every unit in capitals.
  return PREFIXES[text.toUpperCase() === text ? letter.toLowerCase() : letter]!;
}
