/** What the keys of the page mean, and the words in labels.csv. */
const KEYS = {
  1: ["FRI", "FRI"],
  2: ["FRII", "FRII"],
  3: ["unsure", "unsure"],
  4: ["not_radio_galaxy", "not a radio galaxy"],
};
const HEAD = ["source", "label", "labeller", "time", "part", "inclusion_probability"];

/** A cell of a CSV file. */
function csvCell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Labels by labeller and source, kept in the storage of the browser, with undo. */
class Labels {
  constructor(identity, storage) {
    this.key = `astroattn-labels-${identity}`;
    this.storage = storage;
    this.kept = true;
    this.done = [];
    this.found = new Map();
    try {
      for (const [who, entries] of JSON.parse(storage.getItem(this.key) ?? "[]")) {
        this.found.set(who, new Map(entries));
      }
    } catch {
      this.kept = storage !== null && this.found.size === 0 && this.save();
    }
  }

  of(labeller, source) {
    return this.found.get(labeller)?.get(source)?.[0] ?? null;
  }

  set(labeller, source, label) {
    const before = this.found.get(labeller)?.get(source) ?? null;
    this.done.push([labeller, source, before]);
    this.put(labeller, source, label === null ? null : [label, new Date().toISOString()]);
  }

  /** Take the last change back; returns its source, or null. */
  undo() {
    const last = this.done.pop();
    if (!last) return null;
    this.put(...last);
    return last[1];
  }

  put(labeller, source, entry) {
    if (!this.found.has(labeller)) this.found.set(labeller, new Map());
    if (entry === null) this.found.get(labeller).delete(source);
    else this.found.get(labeller).set(source, entry);
    this.kept = this.save();
  }

  save() {
    try {
      const all = [...this.found].map(([who, entries]) => [who, [...entries]]);
      this.storage.setItem(this.key, JSON.stringify(all));
      return true;
    } catch {
      return false;
    }
  }

  count(labeller) {
    return this.found.get(labeller)?.size ?? 0;
  }

  /** The labels of all labellers as CSV; `sampled` gives part and probability of a source. */
  csv(sampled) {
    const lines = [HEAD];
    for (const [labeller, entries] of this.found) {
      for (const [source, [label, time]] of entries) {
        lines.push([source, label, labeller, time, ...sampled(source)]);
      }
    }
    return lines.map((line) => line.map(csvCell).join(",") + "\n").join("");
  }
}
