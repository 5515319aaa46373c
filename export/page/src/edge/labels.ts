/** Rules that turn a cutout and its probabilities into a label; see `edge.labels`. */
import {
  CLASS_NAMES,
  COMPACT_BELOW_BEAMS,
  COMPACT_FROM_POINT,
  COMPACT_FROM_SHARE,
  WITHOUT_CLASS,
} from "../../generated/constants";
import { beamWidth, type Cutout } from "../images/cutout";

/** Least probabilities of the classes; see `edge.thresholds`. Null: no class can be told. */
export interface ClassThresholds {
  readonly neighbours: readonly number[];
  readonly certain_size_beams: readonly number[];
  readonly peak_snr: readonly number[];
  readonly probability: readonly (readonly (readonly (readonly (number | null)[] | null)[])[])[];
}

/** Thresholds of the labels, as stated in a model's metadata. */
export interface LabelRules {
  readonly compactBelowBeams: number;
  readonly uncertainBelow: number | null;
  readonly thresholds: ClassThresholds | null;
}

export function rulesOf(metadata: {
  labels?: {
    compact_below_beams?: number;
    uncertain_below?: number | null;
    thresholds?: ClassThresholds | null;
  };
}): LabelRules {
  return {
    compactBelowBeams: metadata.labels?.compact_below_beams ?? COMPACT_BELOW_BEAMS,
    uncertainBelow: metadata.labels?.uncertain_below ?? null,
    thresholds: metadata.labels?.thresholds ?? null,
  };
}

/** The label of a cutout that the network does not classify, otherwise null. */
export function beforeNetwork(rules: LabelRules, cutout: Cutout): string | null {
  for (const flag of ["incomplete", "no_source", "beyond_frame"]) {
    if (cutout.flags.includes(flag)) return flag;
  }
  const width = beamWidth(cutout);
  if (!(cutout.largestAngularSize / width >= rules.compactBelowBeams)) return "compact";
  if (cutout.pointShare >= COMPACT_FROM_POINT) return "compact";
  const mainIsCompact = cutout.mainSize / width < rules.compactBelowBeams;
  return cutout.mainShare >= COMPACT_FROM_SHARE && mainIsCompact ? "compact" : null;
}

/** The label of a source that the network classified. */
export function afterNetwork(
  rules: LabelRules,
  probabilities: Float32Array,
  cutout: Cutout,
): string {
  if (WITHOUT_CLASS.some((flag) => cutout.flags.includes(flag))) return "uncertain";
  const best = probabilities[1]! > probabilities[0]! ? 1 : 0;
  let least = rules.uncertainBelow ?? 0;
  if (rules.thresholds) {
    const { neighbours, certain_size_beams, peak_snr, probability } = rules.thresholds;
    const table = probability[place(neighbours, cutout.neighbours)]!;
    const row = table[place(certain_size_beams, cutout.certainSize / beamWidth(cutout))]!;
    const cell = row[place(peak_snr, cutout.contrast)]!;
    if (cell === null) return "unresolved";
    least = Math.max(least, cell[best] ?? Infinity);
  }
  const hasNoCore = best === 0 && cutout.flags.includes("off_centre"); // it is not called FRI
  return hasNoCore || probabilities[best]! < Math.fround(least) ? "uncertain" : CLASS_NAMES[best]!;
}

/** Number of the cell that holds a value: the last whose lower edge is not above it. */
function place(edges: readonly number[], value: number): number {
  return Math.max(edges.filter((edge) => edge <= value).length - 1, 0);
}

/** Entropy -sum p ln p, nats. */
export function entropy(probabilities: Float32Array): number {
  return -probabilities.reduce((sum, p) => (p > 0 ? sum + p * Math.log(p) : sum), 0);
}
