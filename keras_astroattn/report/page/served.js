/** The page of `astroattn serve`: rows, pictures and labels come from the server, page by page. */

const SEARCH_DELAY = 200; // milliseconds after the last key
const AT_ONCE = 4; // pictures that are asked for at the same time

/** The answer of the server as JSON; an error holds the server's reason. */
async function ask(address, body) {
  const post = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    keepalive: true, // a label arrives although the page is closed
  };
  let answer;
  try {
    answer = await fetch(address, body === undefined ? {} : post);
  } catch {
    throw new Error("The server does not answer. Is astroattn serve still running?");
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/** Labels of the sources on the page, as the server holds them. */
class ServedLabels {
  constructor() {
    this.kept = true;
    this.total = 0;
    this.found = new Map();
  }

  of(_labeller, source) {
    return this.found.get(source) ?? null;
  }

  put(source, label) {
    if (label === null) this.found.delete(source);
    else this.found.set(source, label);
  }

  count() {
    return this.total;
  }
}

class ServedPage extends Page {
  openLabels() {
    return new ServedLabels();
  }

  choices() {
    return this.data.choices;
  }

  listen() {
    [this.page, this.first, this.total, this.fetching] = [0, 0, 0, 0];
    this.wanted = []; // sources without a picture
    this.queue = Promise.resolve(); // labels are sent one after the other
    const turn = (step) => {
      const button = made("button", { type: "button" }, step < 0 ? "Previous page" : "Next page");
      button.addEventListener("click", () => this.load(this.page + step));
      return button;
    };
    this.turns = [turn(-1), turn(1)];
    const send = made("button", { type: "button", id: "send" }, "Send to TOPCAT or Aladin");
    send.addEventListener("click", () => this.sendTable());
    byId("count").after(
      made("p", { id: "problem", role: "alert" }),
      made("div", { class: "buttons", id: "pages" }, ...this.turns, send),
    );
    super.listen();
    byId("labeller").addEventListener("input", () => this.refresh());
  }

  say(problem) {
    byId("problem").textContent = problem;
  }

  refresh() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.load(0), this.asked ? SEARCH_DELAY : 0);
  }

  query() {
    const given = { labeller: this.labeller, order: byId("order").value };
    for (const name of ["label", "flag", "snr", "size", "name", "part"]) {
      given[name] = byId(`filter-${name}`).value;
    }
    return new URLSearchParams(given);
  }

  /** Send the rows that the filters leave to other programs on the desktop, by SAMP. */
  async sendTable() {
    this.say("Sending…");
    try {
      const { count, programs } = await ask(`send?${this.query()}`, {});
      this.say(`${count.toLocaleString("en")} sources were sent to ${programs.join(", ")}.`);
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Show a page of the rows that the filters leave. */
  async load(page) {
    const asked = (this.asked = {}); // of several questions, the last one counts
    try {
      const found = await ask(`sources?page=${page}&${this.query()}`);
      if (this.asked === asked) this.show(page, found);
    } catch (error) {
      this.say(error.message);
    }
  }

  show(page, found) {
    this.say("");
    [this.page, this.total] = [page, found.count];
    this.labels.total = found.labelled;
    this.labels.found.clear();
    this.shown = found.sources.map((row, place) => {
      const source = sourceOf(this.data.fields, row, found.numbers[place]);
      this.labels.put(source.source, found.mine[place]);
      return source;
    });
    this.selected = this.shown[0] ?? null;
    byId("grid").scrollTop = 0;
    this.turns[0].disabled = page === 0;
    this.turns[1].disabled = (page + 1) * found.page_rows >= found.count;
    for (const turn of this.turns) turn.hidden = found.count <= found.page_rows;
    this.first = page * found.page_rows;
    this.redraw();
  }

  countText() {
    const [all, total] = [this.data.count, this.total].map((one) => one.toLocaleString("en"));
    const [from, to] = [this.first + 1, this.first + this.shown.length];
    const part = this.shown.length < this.total ? `, ${from} to ${to} on this page` : "";
    return `${total} of ${all} sources${part}`;
  }

  frame(source) {
    if (!source.asked) {
      source.asked = source.awaited = true;
      this.wanted.push(source);
      this.fetchPictures();
    }
    const frame = super.frame(source);
    const text = frame.querySelector(".none");
    if (text && source.awaited) text.textContent = "…";
    return frame;
  }

  /** Ask for the pictures of visible sources. */
  async fetchPictures() {
    if (this.fetching >= AT_ONCE) return;
    this.fetching++;
    await null; // until the cards are in the grid
    while (this.wanted.length) {
      const source = this.wanted.shift();
      if (this.cards.has(source) || source === this.selected) await this.fetchPicture(source);
      else source.asked = false; // scrolled away
    }
    this.fetching--;
  }

  async fetchPicture(source) {
    try {
      const row = await ask(`pictures/${source.number}`);
      const { picture, attention, evidence, note } = sourceOf(this.data.fields, row, 0);
      Object.assign(source, { picture, attention, evidence, note });
    } catch (error) {
      source.note = error.message;
    }
    source.awaited = false;
    this.renew(source);
  }

  /** Draw a source again whose picture has come. */
  renew(source) {
    const card = this.cards.get(source);
    if (card) {
      card.remove();
      this.cards.delete(source);
      this.draw();
    }
    if (source === this.selected) this.detail();
  }

  give(key) {
    const source = this.selected;
    if (!source) return;
    const label = key === "0" ? null : KEYS[key][0];
    const before = this.labels.of(null, source.source);
    const body = { row: source.number, label, labeller: this.labeller };
    this.labels.put(source.source, label);
    this.redraw();
    if (label !== null) this.go(this.shown.indexOf(source) + 1);
    this.send(async () => {
      try {
        this.labels.total = (await ask("labels", body)).labelled;
      } catch (error) {
        this.labels.put(source.source, before);
        throw new Error(`The label of ${source.name} is not saved. ${error.message}`);
      }
    });
  }

  undo() {
    this.send(async () => {
      const { row, label, labelled } = await ask("undo", { labeller: this.labeller });
      if (row === null) return;
      this.labels.total = labelled;
      const place = this.shown.findIndex((one) => one.number === row);
      if (place < 0) return;
      this.labels.put(this.shown[place].source, label);
      this.go(place);
    });
  }

  /** Send after what was sent before. A problem stays on the page until rows are loaded. */
  send(action) {
    this.queue = this.queue
      .then(action)
      .catch((error) => this.say(error.message))
      .finally(() => this.redraw());
  }

  download() {
    made("a", { href: "labels.csv", download: "labels.csv" }).click();
  }
}

history.replaceState(null, "", location.pathname); // the token is in a cookie from now on
new ServedPage(readData());
