/** The card with label, probabilities, figures and flags of one source. */
import { CLASS_COLOURS, CLASS_NAMES, FLAG_MEANINGS, IMAGE_SIZE, LABEL_MEANINGS } from "../../generated/constants";
import type { Place } from "./map_view";
import { brightness, fixed, probabilityText, significant, skyText } from "./format";
import type { Entry } from "./entries";

/** The element with an id, which the page must have. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

/** An element with text; file names and headers reach the page through here alone. */
export function element(name: string, text: string, className = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function showCard(entry: Entry): void {
  const { result } = entry;
  byId("result-title").textContent = entry.title;
  const label = byId("label");
  label.textContent = result ? spoken(result.found.label) : "error";
  label.dataset["label"] = result?.found.label ?? "";
  byId("meaning").textContent = result ? (LABEL_MEANINGS[result.found.label] ?? "") : entry.error;
  if (!result) return;
  const { found } = result;
  byId("bars").replaceChildren(...(found.probabilities ?? []).map((p, k) => bar(k, p)));
  byId("facts").replaceChildren(...facts(entry).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  const flags = result.cutout.flags.map((flag) => {
    const item = document.createElement("li");
    item.append(element("code", flag), FLAG_MEANINGS[flag] ?? "");
    return item;
  });
  byId("flags").replaceChildren(...(flags.length ? flags : [element("li", "none", "none")]));
}

export function spoken(label: string): string {
  return label.replaceAll("_", " ");
}

function bar(k: number, probability: number): HTMLElement {
  const row = element("div", "", "bar");
  const track = element("div", "", "track");
  const fill = element("div", "", "fill");
  fill.style.width = `${100 * probability}%`;
  fill.style.background = CLASS_COLOURS[k]!;
  track.append(fill);
  row.append(element("span", `P(${CLASS_NAMES[k]})`), track, element("output", probabilityText(probability)));
  return row;
}

function facts({ result }: Entry): [string, string][] {
  const { cutout, found, milliseconds, isPicture } = result!;
  const middle: Place = [(IMAGE_SIZE - 1) / 2, (IMAGE_SIZE - 1) / 2];
  const isJansky = !cutout.flags.includes("unknown_unit");
  const size = cutout.largestAngularSize;
  const { beam } = cutout;
  const widths = beam && `${significant(beam.major)}″ × ${significant(beam.minor)}″`;
  const rows: [string, string][] = [
    ["Centre", skyText(cutout.keywords, middle) || "no coordinates"],
    ["Size above 3σ", Number.isFinite(size) ? `${fixed(size, 0)}″` : "no source"],
    ["Peak / noise", Number.isFinite(cutout.peakSnr) ? significant(cutout.peakSnr) : "not known"],
    ["Noise", isPicture || !Number.isFinite(cutout.noise) ? "not known" : brightness(cutout.noise, isJansky)],
    ["Beam", widths ?? "not known"],
    ["Pixel scale", `${significant(cutout.pixelScale)}″`],
    ["Time", `${fixed(milliseconds, 0)} ms`],
  ];
  if (cutout.offset > 0) rows.splice(1, 0, ["Frame moved by", `${fixed(cutout.offset, 1)}″, to the source`]);
  if (found.entropy !== null) rows.splice(1, 0, ["Entropy", `${fixed(found.entropy, 3)} nats (0.693 is even)`]);
  return rows;
}
