/** Surveys whose maps state no beam, and the beams that their papers give. */
import {
  BEAM_PIXELS,
  FIRST_TITLES,
  FIRST_WIDTHS,
  NAMING,
  SAME_RESOLUTION,
  SURVEYS,
} from "../../generated/constants";
import { beam, type Beam } from "./beam";
import type { HduHeader } from "./fits_file";

type Survey = (typeof SURVEYS)[number];

/** Whether a header names FIRST as its survey. */
export function saysFirst(header: HduHeader): boolean {
  return isCalled(SURVEYS[0]!, header.text("SURVEY"));
}

/** Whether a beam is one of FIRST's: 5.4" x 5.4" to 6.8" x 5.4". */
export function isFirstBeam(of: Beam): boolean {
  return FIRST_WIDTHS[0] <= of.minor && of.major <= FIRST_WIDTHS[1];
}

/** The survey that a header names, and its beam at a declination; null if it is not certain. */
export function recognised(
  header: HduHeader,
  pixelScale: number,
  declination: number,
): { name: string; beam: Beam } | null {
  const [history, comments] = [header.lines("HISTORY"), header.lines("COMMENT")];
  const isSmoothed = history.some((line) => Number(/^\s*smooth\s*=\s*(\d+)/i.exec(line)?.[1] ?? 0) > 1);
  if (isSmoothed) return null;
  const names = namesOf(header, history, comments);
  const found = SURVEYS.filter((survey) => names.some((name) => isCalled(survey, name)));
  const isTitled = FIRST_TITLES.some((title) => [...comments, ...history].some((line) => line.includes(title)));
  if (isTitled && !found.includes(SURVEYS[0]!)) found.unshift(SURVEYS[0]!);
  const [survey] = found;
  if (found.length !== 1 || !survey || !agrees(survey, header, declination)) return null;
  const resolution = comments
    .map((line) => /^\s*resolution\s*:\s*([\d.]+)\s*(?:"|''|arcsec)/i.exec(line)?.[1])
    .find((text) => text !== undefined);
  for (const each of beamsAt(survey, declination)) {
    const pixels = each.minor / pixelScale;
    if (!(BEAM_PIXELS[0] <= pixels && pixels <= BEAM_PIXELS[1])) continue;
    if (resolution && Math.abs(Number(resolution) / each.minor - 1) > SAME_RESOLUTION) continue;
    return { name: survey.name, beam: each };
  }
  return null;
}

/** Beams of a survey at a declination, the usual one first. */
export function beamsAt(survey: Survey, declination: number): Beam[] {
  const angle = (degrees: number) => (degrees * Math.PI) / 180;
  if (survey.name === "SUMSS") return [beam(45 / Math.abs(Math.sin(angle(declination))), 45)];
  if (survey.name === "TGSS") return [beam(25 / Math.cos(angle(Math.min(declination - 19, 0))), 25)];
  return survey.beams.map((width) => beam(width));
}

function isCalled(survey: Survey, name: string): boolean {
  return new RegExp(`^(?:${survey.called})$`, "i").test(name);
}

function namesOf(header: HduHeader, history: string[], comments: string[]): string[] {
  let names = NAMING.map((key) => header.text(key));
  // FIRST can also be the name of an object or an institute.
  const others = NAMING.slice(1).map((key) => header.text(key).toUpperCase());
  if (others.includes("FIRST") && header.text("SURVEY").toUpperCase() !== "FIRST") {
    names = names.filter((name) => name.toUpperCase() !== "FIRST");
  }
  // SkyView repeats its request in HISTORY, as "survey = VLA FIRST (1.4 GHz)".
  for (const line of history) {
    names.push(/^\s*(?:survey|shortname)\s*=\s*(.+?)\s*$/i.exec(line)?.[1] ?? "");
  }
  for (const line of comments) {
    names.push(/^\s*(?:survey|short ?name)\s*:\s*(.+?)\s*$/i.exec(line)?.[1] ?? "");
  }
  return names.filter(Boolean);
}

function agrees(survey: Survey, header: HduHeader, declination: number): boolean {
  const [low, high] = survey.declination;
  if (!(low <= declination && declination <= high)) return false;
  const telescope = header.text("TELESCOP");
  if (telescope && !new RegExp(survey.telescope, "i").test(telescope)) return false;
  return frequencies(header).every((f) => survey.frequency[0] <= f && f <= survey.frequency[1]);
}

/** Frequencies that a header states, Hz: FREQ axis at the reference, RESTFRQ. */
export function frequencies(header: HduHeader): number[] {
  const stated = [];
  for (let axis = 1; axis < 10; axis++) {
    const isHertz = (header.text(`CUNIT${axis}`) || "Hz").toUpperCase() === "HZ";
    if (header.text(`CTYPE${axis}`).toUpperCase().startsWith("FREQ") && isHertz) {
      stated.push(header.values.get(`CRVAL${axis}`));
    }
  }
  stated.push(header.values.get("RESTFRQ"), header.values.get("RESTFREQ"));
  return stated.filter((f) => typeof f === "number" && f > 1e6 && f < 1e13) as number[];
}
