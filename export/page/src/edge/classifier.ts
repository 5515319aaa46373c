/** Classify cutouts with the network; see `edge.Classifier`. */
import { CLASS_NAMES, IMAGE_SIZE } from "../../generated/constants";
import { sourceAlone, type Cutout } from "../images/cutout";
import { afterNetwork, beforeNetwork, entropy, rulesOf, type LabelRules } from "./labels";
import { readMetadata, type Metadata } from "./model_file";
import { Network, type Outputs } from "./network";

/** A map of an output over the frame. */
export interface FrameMap {
  readonly name: string;
  readonly size: number;
  readonly values: Float32Array;
}

/** Classification of one source; probabilities and maps are null without a class. */
export interface Classification {
  readonly label: string;
  readonly probabilities: readonly [number, number] | null;
  readonly entropy: number | null;
  readonly gates: readonly FrameMap[];
  readonly mean: FrameMap | null;
  readonly evidence: FrameMap | null;
}

export class Classifier {
  private constructor(
    private readonly network: Network,
    readonly metadata: Metadata,
    private readonly rules: LabelRules,
  ) {}

  static async load(content: Uint8Array<ArrayBuffer>, script: string): Promise<Classifier> {
    const metadata = await readMetadata(content);
    return new Classifier(await Network.load(content, script), metadata, rulesOf(metadata));
  }

  /** The cutout as the network sees it; see `edge.Classifier.as_seen`. */
  asSeen(cutout: Cutout): Cutout {
    return this.metadata.source_alone ? sourceAlone(cutout) : cutout;
  }

  async classify(cutout: Cutout): Promise<Classification> {
    const label = beforeNetwork(this.rules, cutout);
    if (label !== null) {
      return { label, probabilities: null, entropy: null, gates: [], mean: null, evidence: null };
    }
    const outputs = await this.network.run(this.asSeen(cutout).networkInput);
    const probabilities = outputs["probabilities"]!;
    if (!probabilities.every(Number.isFinite)) {
      throw new Error("the network gives no probability for this image");
    }
    return {
      label: afterNetwork(this.rules, probabilities, cutout),
      probabilities: [probabilities[0]!, probabilities[1]!],
      entropy: entropy(probabilities),
      gates: gateMaps(outputs),
      mean: frameMap("attention_mean", outputs["attention_mean"]),
      evidence: signedEvidence(outputs),
    };
  }
}

function frameMap(name: string, values: Float32Array | undefined): FrameMap | null {
  return values ? { name, size: Math.sqrt(values.length), values } : null;
}

function gateMaps(outputs: Outputs): FrameMap[] {
  const maps: FrameMap[] = [];
  for (let gate = 1; ; gate++) {
    const found = frameMap(`attention_${gate}`, outputs[`attention_${gate}`]);
    if (!found) return maps;
    maps.push(found);
  }
}

/** Evidence of each pixel for FRII minus that for FRI; its sum is the difference of the logits. */
function signedEvidence(outputs: Outputs): FrameMap | null {
  const both = outputs["evidence"];
  if (!both || both.length !== IMAGE_SIZE ** 2 * CLASS_NAMES.length) return null;
  const signed = new Float32Array(IMAGE_SIZE ** 2);
  for (let i = 0; i < signed.length; i++) signed[i] = both[2 * i + 1]! - both[2 * i]!;
  return frameMap("evidence", signed);
}
