/** Rules that turn a cutout and its probabilities into a label; see `edge.labels`. */
import { CLASS_NAMES, COMPACT_BELOW_BEAMS, COMPACT_FROM_SHARE } from "../../generated/constants";
import { beamWidth, type Cutout } from "../images/cutout";

/** Thresholds of the labels, as stated in a model's metadata. */
export interface LabelRules {
  readonly compactBelowBeams: number;
  readonly uncertainBelow: number | null;
}

export function rulesOf(metadata: {
  labels?: { compact_below_beams?: number; uncertain_below?: number | null };
}): LabelRules {
  return {
    compactBelowBeams: metadata.labels?.compact_below_beams ?? COMPACT_BELOW_BEAMS,
    uncertainBelow: metadata.labels?.uncertain_below ?? null,
  };
}

/** The label of a cutout that the network does not classify, otherwise null. */
export function unresolved(rules: LabelRules, cutout: Cutout): string | null {
  for (const flag of ["incomplete", "no_source", "beyond_frame"]) {
    if (cutout.flags.includes(flag)) return flag;
  }
  const width = beamWidth(cutout);
  if (!(cutout.largestAngularSize / width >= rules.compactBelowBeams)) return "compact";
  const mainIsCompact = cutout.mainSize / width < rules.compactBelowBeams;
  return cutout.mainShare >= COMPACT_FROM_SHARE && mainIsCompact ? "compact" : null;
}

/** The label of a resolved source. */
export function resolved(
  rules: LabelRules,
  probabilities: Float32Array,
  flags: readonly string[],
): string {
  if (flags.includes("no_beam")) return "uncertain";
  const best = probabilities[1]! > probabilities[0]! ? 1 : 0;
  const isUncertain =
    rules.uncertainBelow !== null && probabilities[best]! < Math.fround(rules.uncertainBelow);
  return isUncertain ? "uncertain" : CLASS_NAMES[best]!;
}

/** Entropy -sum p ln p, nats. */
export function entropy(probabilities: Float32Array): number {
  return -probabilities.reduce((sum, p) => (p > 0 ? sum + p * Math.log(p) : sum), 0);
}
