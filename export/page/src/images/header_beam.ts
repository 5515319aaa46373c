/** The beam that a FITS file states: in BMAJ or in AIPS's history. */
import { LEAST_PIXELS, MOST_PIXELS, NARROWEST, ROUND, WIDEST } from "../../generated/constants";
import { beam, type Beam } from "./beam";
import { ARCSEC } from "./celestial";
import { InputError, OnlyCommandError } from "./errors";
import type { HduHeader } from "./fits_file";

const FIGURES = String.raw`BMAJ\s*=\s*([-+.\dEeDd]+)\s+BMIN\s*=\s*([-+.\dEeDd]+)(?:\s+BPA\s*=\s*([-+.\dEeDd]+))?`;
// CLEAN writes degrees; CONVL writes the arcsec that the user gave.
const CLEAN = new RegExp(String.raw`^\s*(?:AIPS\s+)?(?:CLEAN\s+)?${FIGURES}`);
const CONVL = new RegExp(String.raw`^\s*(?:AIPS\s+)?CONVL\s+${FIGURES}`);
const ADVICE = "give the beam in arcsec";

export interface StatedBeam {
  readonly beam: Beam;
  readonly where: string;
}

/** The beam that a header states, and the place that states it; see `images.header_beam`. */
export function statedBeam(header: HduHeader, headers: readonly HduHeader[]): StatedBeam | null {
  const hasTable = headers.some((other) => other.text("EXTNAME").toUpperCase() === "BEAMS");
  if (hasTable && (header.values.get("CASAMBM") === true || !header.values.has("BMAJ"))) {
    throw new OnlyCommandError("its beam is in a table BEAMS (CASA)");
  }
  if (header.values.get("CASAMBM") === true) return null;
  const major = figure(header, "BMAJ");
  if (major) {
    const minor = figure(header, "BMIN") ?? major;
    if (Math.min(major, minor) <= 0) {
      const [key, value] = major <= 0 ? ["BMAJ", major] : ["BMIN", minor];
      throw new InputError(`the header's ${key} = ${value} is not a beam width: ${ADVICE}`);
    }
    const angle = figure(header, "BPA") ?? 0;
    return { beam: ordered(major * ARCSEC, minor * ARCSEC, angle), where: "BMAJ" };
  }
  for (const line of header.lines("HISTORY").reverse()) {
    for (const [pattern, unit] of [[CONVL, 1], [CLEAN, ARCSEC]] as const) {
      const found = pattern.exec(line);
      if (!found) continue;
      const [a, b, angle] = found.slice(1).map((text) => Number((text ?? "0").toUpperCase().replace("D", "E")));
      try {
        return { beam: ordered(a! * unit, b! * unit, angle!), where: "HISTORY" };
      } catch {
        continue;
      }
    }
  }
  return null;
}

/** Whether an elongated beam of BMAJ and BMIN has no BPA. */
export function lacksAngle(header: HduHeader, of: Beam): boolean {
  return of.major > ROUND * of.minor && figure(header, "BPA") === null;
}

/** Refuse a beam that cannot be the map's, usually because of a wrong unit. */
export function checkBeam(
  { beam: of, where }: StatedBeam,
  scales: readonly [number, number] | null,
  width: number,
  height: number,
): void {
  const stated = `the beam of ${show(of.major)} x ${show(of.minor)} arcsec (${where})`;
  if (!scales) {
    if (of.major > WIDEST || of.minor < NARROWEST) {
      throw new InputError(`${stated} cannot be that of a map: ${ADVICE}`);
    }
    return;
  }
  const extent = Math.max(width * scales[0], height * scales[1]);
  let reason = "";
  if (of.major > extent) reason = `is wider than the map, ${show(extent)} arcsec`;
  else if (of.major > MOST_PIXELS * Math.max(...scales)) {
    reason = `is ${Math.round(of.major / Math.max(...scales))} pixels wide`;
  } else if (of.minor < LEAST_PIXELS * Math.min(...scales)) {
    reason = `is narrower than half a pixel of ${show(Math.min(...scales))} arcsec`;
  }
  if (!reason) return;
  const hint = where === "BMAJ" ? "BMAJ and BMIN are degrees" : "it is in another unit";
  throw new InputError(`${stated} ${reason}, so it is a mistake (${hint}): ${ADVICE}`);
}

function show(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function figure(header: HduHeader, key: string): number | null {
  const value = header.values.get(key) ?? null;
  if (value === null || (typeof value === "string" && !value.trim())) return null;
  const number = Number(value);
  if (Number.isFinite(number) && typeof value !== "boolean") return number;
  throw new InputError(`the header's ${key} = '${String(value)}' is not a number: ${ADVICE}`);
}

function ordered(a: number, b: number, angle: number): Beam {
  return beam(Math.max(a, b), Math.min(a, b), angle);
}
