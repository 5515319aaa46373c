/** The table of all sources of the session. */
import { FLAG_MEANINGS, IMAGE_SIZE } from "../../generated/constants";
import type { Entry } from "./entries";
import { fixed, probabilityText, significant, skyText } from "./format";
import { byId, element, spoken } from "./result_card";

/** Add a row; `select` is called when it is chosen. The table appears with its second row. */
export function addRow(entry: Entry, select: (entry: Entry) => void): HTMLElement {
  const row = rowOf(entry, select);
  byId("rows").append(row);
  byId("list").hidden = byId("rows").childElementCount < 2;
  return row;
}

/** Mark the row of the source that is shown. */
export function markRow(row: HTMLElement): void {
  for (const other of byId("rows").querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
}

function rowOf(entry: Entry, select: (entry: Entry) => void): HTMLElement {
  const { result } = entry;
  const row = document.createElement("tr");
  const file = element("td", "");
  const button = element("button", entry.title);
  button.addEventListener("click", () => select(entry));
  file.append(button);
  const middle = [(IMAGE_SIZE - 1) / 2, (IMAGE_SIZE - 1) / 2] as const;
  const label = element("td", "");
  const dot = element("span", "", "dot");
  dot.dataset["label"] = result?.found.label ?? "";
  label.append(dot, result ? spoken(result.found.label) : "error");
  const [fri, frii] = (result?.found.probabilities ?? [null, null]).map((p) => (p === null ? "" : probabilityText(p)));
  const cutout = result?.cutout;
  const last = element("td", cutout ? cutout.flags.join(", ") : entry.error);
  last.title = cutout?.flags.map((flag) => `${flag}: ${FLAG_MEANINGS[flag] ?? ""}`).join("\n") ?? "";
  row.append(
    file,
    element("td", cutout ? skyText(cutout.keywords, middle).replace("RA, Dec ", "") : ""),
    label,
    element("td", fri!, "number"),
    element("td", frii!, "number"),
    element("td", cutout ? fixed(cutout.largestAngularSize, 0) : "", "number"),
    element("td", cutout ? significant(cutout.peakSnr) : "", "number"),
    last,
  );
  return row;
}
