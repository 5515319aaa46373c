/** The report of a training run: attention by epoch, and the misclassified sources. */
const KEYS_OF_MAPS = {
  attention: "Contours: 40, 60 and 80 % of the range of the attention map.",
  evidence: "Contours: 20 and 50 % of the strongest evidence, blue for FRI, orange for FRII.",
};

/** Kind of a map by its name: the maps of single gates are attention maps. */
const kindOfMap = (name) => (name === "evidence" ? "evidence" : "attention");

const fill = (id, pairs) =>
  byId(id).append(...pairs.map(([value, text]) => made("option", { value }, text)));

/** The attention of the probes at the epoch of the slider. */
class Progress {
  constructor(epochs, probes) {
    this.epochs = epochs;
    this.probes = probes;
    if (!probes.length) {
      byId("tools").remove();
      byId("key").textContent = "The network has no attention gates.";
      return;
    }
    fill("map", Object.keys(probes[0].maps).map((name) => [name, name]));
    fill("map", [["", "none"]]);
    const slider = byId("epoch");
    slider.max = epochs.length - 1;
    slider.value = epochs.length - 1;
    for (const id of ["map", "epoch"]) byId(id).addEventListener("input", () => this.draw());
    this.figures = probes.map((probe) => {
      const figure = framed(probe.picture, `Radio map of a source, ${probe.label}`, noContours());
      const caption = made("figcaption");
      byId("probes").append(made("figure", {}, figure, caption));
      return { drawing: figure.querySelector("svg"), caption };
    });
    this.draw();
  }

  async draw() {
    const place = Number(byId("epoch").value);
    const name = byId("map").value;
    const kind = kindOfMap(name);
    const total = this.epochs.at(-1);
    byId("epoch-number").textContent = `${this.epochs[place]} of ${total}`;
    byId("epoch").setAttribute("aria-valuetext", `epoch ${this.epochs[place]} of ${total}`);
    byId("key").textContent = `Square-root stretch. ${name ? KEYS_OF_MAPS[kind] : ""}`;
    this.probes.forEach((probe, number) => {
      const p = probe.p_frii[place];
      const { caption } = this.figures[number];
      const answer = made("span", { class: `tag ${kindOf(p > 0.5 ? "FRII" : "FRI")}` });
      answer.append(p > 0.5 ? "FRII" : "FRI");
      caption.replaceChildren(`true class ${probe.label}, network `, answer, `, P(FRII) ${probabilityText(p)}`);
    });
    const found = await Promise.all(
      this.probes.map((probe) => (name ? contours(probe.maps[name][place], kind) : [])),
    );
    // A later movement of the slider may have been drawn before.
    if (place !== Number(byId("epoch").value) || name !== byId("map").value) return;
    found.forEach((paths, number) => {
      const drawn = paths.map(([kind_, d]) => made("path", { class: kind_, d }));
      this.figures[number].drawing.replaceChildren(...drawn);
    });
  }
}

const noContours = async () => [];

/** The misclassified sources as cards. */
class Wrong {
  constructor(sources) {
    this.sources = sources;
    if (!sources.length) {
      byId("wrong-tools").remove();
      return;
    }
    const labels = [...new Set(sources.map((one) => one.label))].sort();
    fill("wrong-label", [["", "all"], ...labels.map((one) => [one, one])]);
    const maps = ["evidence", "attention"].filter((kind) => sources.some((one) => one[kind]));
    fill("overlay", [...maps.map((one) => [one, one]), ["", "none"]]);
    for (const id of ["wrong-label", "overlay"]) {
      byId(id).addEventListener("input", () => this.draw());
    }
    this.draw();
  }

  draw() {
    const label = byId("wrong-label").value;
    const kind = byId("overlay").value;
    const shown = this.sources.filter((one) => label === "" || one.label === label);
    byId("wrong").replaceChildren(...shown.map((source) => this.card(source, kind)));
  }

  card(source, kind) {
    const paths = source[kind] ? contours(source[kind], kind) : noContours();
    const given = source.p_frii > 0.5 ? "FRII" : "FRI";
    return made(
      "figure",
      {},
      framed(source.picture, `Radio map of ${source.name}`, paths),
      made(
        "figcaption",
        {},
        source.name,
        made("br"),
        made("span", { class: `tag ${kindOf(given)}` }, given),
        `, true ${source.label}`,
        made("br"),
        `P(FRII) ${probabilityText(source.p_frii)}`,
      ),
    );
  }
}

const data = JSON.parse(byId("data").textContent);
new Progress(data.epochs, data.probes);
new Wrong(
  data.wrong.map((row) => Object.fromEntries(data.fields.map((name, place) => [name, row[place]]))),
);
