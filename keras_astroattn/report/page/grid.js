/** The grid of sources: filters, order, cards, the selected source and its labels. */
const CARD_WIDTH = 168;
const CAPTION = 76;

/** A source from the values of its fields. */
function sourceOf(fields, row, number) {
  const source = { number };
  fields.forEach((name, place) => (source[name] = row[place]));
  return source;
}

function readData() {
  const data = JSON.parse(byId("data").textContent);
  data.sources = data.sources.map((row, number) => sourceOf(data.fields, row, number));
  return data;
}

/** Contours of a source's map, drawn once. */
async function overlayPaths(source, kind) {
  if (!source[kind]) return [];
  source.paths ??= {};
  source.paths[kind] ??= contours(source[kind], kind);
  return source.paths[kind];
}

class Page {
  constructor(data) {
    this.data = data;
    this.labels = this.openLabels();
    this.selected = null;
    this.shown = data.sources;
    this.cards = new Map();
    this.fillChoices();
    this.listen();
    this.refresh();
  }

  openLabels() {
    let storage = null;
    try {
      storage = window.localStorage;
    } catch {
      // The browser keeps nothing for this page; the labels can be downloaded.
    }
    return new Labels(this.data.identity, storage);
  }

  get labeller() {
    return byId("labeller").value.trim() || "anonymous";
  }

  /** The labels, flags, parts and maps that the sources have. */
  choices() {
    const sources = this.data.sources;
    const present = (name) => [...new Set(sources.flatMap((source) => source[name]))].sort();
    const maps = ["attention", "evidence"].filter((kind) => sources.some((one) => one[kind]));
    return { labels: present("label"), flags: present("flags"), parts: present("part"), maps };
  }

  fillChoices() {
    const { labels, flags, parts, maps } = this.choices();
    const fill = (id, pairs) =>
      byId(id).append(...pairs.map(([value, text]) => made("option", { value }, text)));
    const each = (names) => [["", "all"], ...names.map((one) => [one, one])];
    fill("filter-label", each(labels));
    fill("filter-flag", each(flags));
    const chosen = parts.filter((one) => one !== "").map((one) => [one, one]);
    const states = [["unlabelled", "chosen, not labelled"], ["labelled", "labelled"]];
    fill("filter-part", [["", "all"], ["chosen", "all chosen"], ...chosen, ...states]);
    fill("order", [
      ["table", "as in the table"],
      ["entropy", "most uncertain first"],
      ["certain", "most certain first"],
      ["p_frii", "P(FRII)"],
      ["snr", "brightest first"],
      ["size", "largest first"],
      ["label", "label"],
      ["name", "name"],
    ]);
    fill("overlay", [["", "none"], ...maps.map((one) => [one, one])]);
    byId("overlay").value = maps.at(-1) ?? "";
  }

  listen() {
    const ids = ["label", "flag", "snr", "size", "name", "part"].map((name) => `filter-${name}`);
    for (const id of [...ids, "order"]) byId(id).addEventListener("input", () => this.refresh());
    byId("overlay").addEventListener("input", () => this.redraw());
    byId("grid").addEventListener("scroll", () => this.draw(), { passive: true });
    window.addEventListener("resize", () => this.redraw());
    byId("undo").addEventListener("click", () => this.undo());
    byId("download").addEventListener("click", () => this.download());
    byId("labeller").addEventListener("input", () => this.redraw());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  refresh() {
    const value = (name) => byId(`filter-${name}`).value;
    const [label, flag, name, part] = ["label", "flag", "name", "part"].map(value);
    const [snr, size] = ["snr", "size"].map((one) => Number.parseFloat(value(one)));
    const text = name.toLowerCase();
    const inPart = (one) => {
      const mine = this.labels.of(this.labeller, one.source);
      if (part === "labelled") return mine !== null;
      if (part === "unlabelled") return one.part !== "" && mine === null;
      return part === "" || (part === "chosen" ? one.part !== "" : one.part === part);
    };
    this.shown = this.data.sources.filter(
      (one) =>
        (label === "" || one.label === label) &&
        (flag === "" || one.flags.includes(flag)) &&
        (Number.isNaN(snr) || one.snr >= snr) &&
        (Number.isNaN(size) || one.size >= size) &&
        (text === "" || one.name.toLowerCase().includes(text)) &&
        inPart(one),
    );
    this.sort(byId("order").value);
    byId("grid").scrollTop = 0;
    if (!this.shown.includes(this.selected)) this.selected = this.shown[0] ?? null;
    this.redraw();
  }

  sort(order) {
    const text = (name) => (a, b) => (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : 0);
    const falling = (name) => (a, b) => (b[name] ?? -Infinity) - (a[name] ?? -Infinity);
    const rising = (name) => (a, b) => (a[name] ?? Infinity) - (b[name] ?? Infinity);
    const compare = {
      entropy: falling("entropy"), certain: rising("entropy"), p_frii: falling("p_frii"),
      snr: falling("snr"), size: falling("size"), label: text("label"), name: text("name"),
    }[order];
    if (compare) this.shown.sort((a, b) => compare(a, b) || a.number - b.number);
  }

  redraw() {
    for (const card of this.cards.values()) card.remove();
    this.cards.clear();
    this.draw();
    this.detail();
    byId("count").textContent = this.countText();
    byId("grid").classList.toggle("empty", this.shown.length === 0);
    const count = this.labels.count(this.labeller);
    const lost = "This browser keeps no labels for files: download them before you close the page.";
    byId("progress").textContent =
      `${count} labels of ${this.labeller}. ${this.labels.kept ? "" : lost}`;
  }

  countText() {
    return `${this.shown.length} of ${this.data.sources.length} sources`;
  }

  /** Put the cards of the visible rows into the grid, and take the others out. */
  draw() {
    const grid = byId("grid");
    const columns = Math.max(1, Math.floor(grid.clientWidth / CARD_WIDTH));
    const width = Math.floor(grid.clientWidth / columns);
    const height = width + CAPTION;
    this.layout = { columns, height };
    byId("canvas").style.height = `${Math.ceil(this.shown.length / columns) * height}px`;
    const first = Math.max(0, Math.floor(grid.scrollTop / height) - 1) * columns;
    const last = (Math.ceil((grid.scrollTop + grid.clientHeight) / height) + 1) * columns;
    const visible = new Set(this.shown.slice(first, last));
    for (const [source, card] of this.cards) {
      if (!visible.has(source)) {
        card.remove();
        this.cards.delete(source);
      }
    }
    this.shown.slice(first, last).forEach((source, place) => {
      if (this.cards.has(source)) return;
      const card = this.card(source);
      const [column, row] = [(first + place) % columns, Math.floor((first + place) / columns)];
      card.style.left = `${column * width}px`;
      card.style.top = `${row * height}px`;
      card.style.width = `${width}px`;
      card.style.height = `${height}px`;
      byId("canvas").append(card);
      this.cards.set(source, card);
    });
  }

  card(source) {
    const answer = source.p_frii === null ? "" : ` P(FRII) ${probabilityText(source.p_frii)}`;
    const measured = `S/N ${fixed(source.snr, 0)}, ${fixed(source.size, 0)} arcsec`;
    const card = made(
      "div",
      { class: "card", role: "option", id: `card-${source.number}`, title: source.name },
      this.frame(source),
      made("p", {}, source.name),
      made("p", {}, made("span", { class: `tag ${kindOf(source.label)}` }, source.label), answer),
      made("p", { class: "quiet" }, measured),
      made("p", { class: "quiet" }, source.flags.join(" ")),
    );
    const mine = this.labels.of(this.labeller, source.source);
    if (mine) card.append(made("span", { class: "mine" }, mine.replaceAll("_", " ")));
    card.setAttribute("aria-selected", String(source === this.selected));
    card.addEventListener("click", () => this.select(source));
    return card;
  }

  frame(source) {
    if (!source.picture) {
      return made("div", { class: "frame" }, made("span", { class: "none" }, source.note || "no picture"));
    }
    const overlay = overlayPaths(source, byId("overlay").value);
    return framed(source.picture, `Radio map of ${source.name}`, overlay);
  }

  select(source) {
    this.selected = source;
    for (const [one, card] of this.cards) card.setAttribute("aria-selected", String(one === source));
    byId("grid").setAttribute("aria-activedescendant", `card-${source.number}`);
    this.detail();
  }

  detail() {
    const source = this.selected;
    const panel = byId("detail");
    panel.replaceChildren();
    if (!source) return;
    const flags = source.flags.map((flag) => `${flag}: ${this.data.flags[flag] ?? ""}`);
    const rows = [
      ["label", `${source.label}: ${this.data.labels[source.label] ?? ""}`],
      ["P(FRII)", probabilityText(source.p_frii)],
      ["entropy", `${fixed(source.entropy, 3)} nats`],
      ["peak S/N", fixed(source.snr, 1)],
      ["size", `${fixed(source.size, 1)} arcsec`],
      ...flags.map((text) => ["flag", text]),
      ...(source.note ? [["note", source.note]] : []),
      ...(source.part ? [["to label", source.part]] : []),
    ];
    const list = made("dl", {}, ...rows.flatMap(([a, b]) => [made("dt", {}, a), made("dd", {}, b)]));
    const mine = this.labels.of(this.labeller, source.source);
    const buttons = Object.entries(KEYS).map(([key, [label, text]]) => {
      const button = made("button", { type: "button", "aria-pressed": String(mine === label) });
      button.append(`${key} ${text}`);
      button.addEventListener("click", () => this.give(mine === label ? "0" : key));
      return button;
    });
    panel.append(
      this.frame(source),
      made("h3", {}, source.name),
      made("div", { class: "buttons" }, ...buttons),
      list,
      ...this.links(source),
      made("p", { class: "quiet" }, this.key_of(byId("overlay").value)),
    );
  }

  key_of(overlay) {
    return {
      "": "Square-root stretch.",
      attention: "Square-root stretch. Contours: 40, 60 and 80 % of the range of the mean attention.",
      evidence:
        "Square-root stretch. Contours: 20 and 50 % of the strongest evidence, blue for FRI, " +
        "orange for FRII.",
    }[overlay];
  }

  links(source) {
    if (source.ra === null || source.dec === null) return [];
    const [ra, dec] = [source.ra.toFixed(5), source.dec.toFixed(5)];
    const signed = source.dec < 0 ? dec : `+${dec}`;
    const target = encodeURIComponent(`${ra} ${signed}`);
    const ned = encodeURIComponent(`${ra}d ${signed}d`);
    const sites = {
      "Aladin Lite": `https://aladin.cds.unistra.fr/AladinLite/?target=${target}&fov=0.1`,
      SIMBAD: `https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=${target}&Radius=1&Radius.unit=arcmin`,
      NED: `https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search&coordinates=${ned}&radius=1`,
    };
    const anchors = Object.entries(sites).flatMap(([text, href]) => [
      made("a", { href, target: "_blank", rel: "noopener noreferrer" }, text),
      " ",
    ]);
    return [made("p", {}, `${ra} ${signed} `, ...anchors)];
  }

  key(event) {
    const typing = event.target.closest("input, select, textarea");
    if (typing || event.altKey || event.metaKey) return;
    if (event.key === "u" || (event.ctrlKey && event.key === "z")) this.undo();
    else if (event.ctrlKey) return;
    else if (event.key === "0" || KEYS[event.key]) this.give(event.key);
    else if (!this.move(event.key)) return;
    event.preventDefault();
  }

  move(key) {
    const { columns } = this.layout;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!(key in steps) || !this.shown.length) return false;
    this.go(this.shown.indexOf(this.selected) + steps[key]);
    return true;
  }

  go(place) {
    place = Math.min(Math.max(place, 0), this.shown.length - 1);
    const { columns, height } = this.layout;
    const grid = byId("grid");
    const top = Math.floor(place / columns) * height;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + height > grid.scrollTop + grid.clientHeight) {
      grid.scrollTop = top + height - grid.clientHeight;
    }
    this.draw();
    this.select(this.shown[place]);
  }

  /** Label the selected source by a key, and go to the next one. */
  give(key) {
    if (!this.selected) return;
    const place = this.shown.indexOf(this.selected);
    this.labels.set(this.labeller, this.selected.source, key === "0" ? null : KEYS[key][0]);
    this.redraw();
    if (key !== "0") this.go(place + 1);
  }

  undo() {
    const source = this.labels.undo();
    if (source === null) return;
    this.redraw();
    const place = this.shown.findIndex((one) => one.source === source);
    if (place >= 0) this.go(place);
  }

  download() {
    const sampled = new Map(
      this.data.sources.map((one) => [one.source, [one.part, one.inclusion]]),
    );
    const text = this.labels.csv((source) => sampled.get(source) ?? ["", ""]);
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    made("a", { href: url, download: "labels.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
}
