/** The page: files come in, sources are classified one after the other, and one is shown. */
import type { Metadata } from "../edge/model_file";
import type { Sky } from "../images/celestial";
import type { Pair } from "../images/frame";
import { parsePosition } from "../images/position";
import type { Calls, Opened } from "../protocol";
import { bytesOf, FILES, isSingle, startWorker, type Asset } from "./assets";
import { connect } from "./client";
import { csvOf, pngOf, save } from "./downloads";
import { entryOf, type Entry } from "./entries";
import { probabilitiesText, skyText } from "./format";
import { MosaicView } from "./mosaic_view";
import { byId, showCard, spoken } from "./result_card";
import { SourceView } from "./source_view";
import { addRow, markRow } from "./table";

class Page {
  private readonly rows = new Map<Entry, HTMLElement>();
  private current: Entry | null = null;
  private mosaic: { opened: Opened; name: string } | null = null;
  private queue: Promise<void> = Promise.resolve();
  private readonly view = new SourceView();
  private readonly overview = new MosaicView((pixel) => this.classifyPlace({ pixel }, null));

  constructor(
    private readonly worker: Calls,
    private readonly metadata: Metadata,
  ) {
    this.listen();
  }

  /** Classify files in turn. */
  add(files: Iterable<File>): void {
    const all = [...files];
    all.forEach((file, i) => {
      this.run(async () => {
        say(all.length > 1 ? `${i + 1} of ${all.length}: ${file.name}` : `Reading ${file.name}`);
        await this.classifyFile(file);
      });
    });
  }

  private run(job: () => Promise<void>): void {
    this.queue = this.queue.then(job).catch((error: Error) => say(error.message, true));
  }

  private async classifyFile(file: File): Promise<void> {
    try {
      const opened = await this.worker.open(file, file.name, pictureOptions());
      if (opened.mosaic) await this.showMosaic(opened, file.name);
      if (opened.mustChoose) {
        say(`${file.name} is a mosaic: choose a source on it`);
        return;
      }
      const result = await this.worker.classify(opened.handle, null);
      if (!opened.mosaic) await this.worker.close(opened.handle);
      this.take(entryOf(file.name, result));
    } catch (error) {
      this.take(entryOf(file.name, null, (error as Error).message));
    }
  }

  private async showMosaic(opened: Opened, name: string): Promise<void> {
    if (this.mosaic) await this.worker.close(this.mosaic.opened.handle);
    this.mosaic = { opened, name };
    this.overview.show(opened.mosaic!, name);
    if (opened.mustChoose) byId("mosaic").scrollIntoView({ block: "nearest" });
  }

  private classifyPlace(place: { pixel: Pair } | { position: Sky }, asked: Sky | null): void {
    if (!this.mosaic) return;
    const { opened, name } = this.mosaic;
    this.run(async () => {
      say(`Classifying a source of ${name}`);
      const where = "pixel" in place ? place.pixel.map((each) => each.toFixed(0)).join(", ") : "";
      const keywords = opened.mosaic!.keywords;
      const title = "pixel" in place ? skyText(keywords, place.pixel) || `pixel ${where}` : byId<HTMLInputElement>("position").value;
      try {
        const result = await this.worker.classify(opened.handle, place);
        this.take(entryOf(name, result, "", asked, title));
        byId("result").scrollIntoView({ block: "nearest" });
      } catch (error) {
        this.take(entryOf(name, null, (error as Error).message, asked, title));
      }
    });
  }

  private take(entry: Entry): void {
    this.rows.set(entry, addRow(entry, (chosen) => this.select(chosen)));
    this.select(entry);
    const { result } = entry;
    if (!result) return;
    const p = result.found.probabilities;
    say(`${entry.title}: ${spoken(result.found.label)}${p ? `, ${probabilitiesText(p)}` : ""}`);
  }

  private select(entry: Entry): void {
    if (entry.result) {
      this.current = entry;
      byId("result").hidden = false;
      showCard(entry);
      this.view.show(entry);
      markRow(this.rows.get(entry)!);
    } else say(`${entry.title}: ${entry.error}`, true);
  }

  private listen(): void {
    const input = byId<HTMLInputElement>("files");
    input.addEventListener("change", () => {
      this.add(input.files ?? []);
      input.value = "";
    });
    const drop = byId("drop");
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) drop.classList.remove("over");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.add(event.dataTransfer?.files ?? []);
    });
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-sample]")) {
      button.addEventListener("click", () => {
        const name = button.dataset["sample"] as Asset;
        this.run(async () => this.classifyFile(new File([await bytesOf(name)], name)));
      });
    }
    byId("mosaic-form").addEventListener("submit", (event) => {
      event.preventDefault();
      try {
        const position = parsePosition(byId<HTMLInputElement>("position").value);
        this.classifyPlace({ position }, position);
      } catch (error) {
        say((error as Error).message, true);
      }
    });
    byId("save-csv").addEventListener("click", () => {
      save(new Blob([csvOf([...this.rows.keys()], this.metadata)], { type: "text/csv" }), "results.csv");
    });
    byId("save-png").addEventListener("click", async () => {
      const name = this.current!.file.replace(/(\.[a-z]+)+$/i, "");
      save(await pngOf(this.current!, this.view.options), `${name}.png`);
    });
  }
}

function say(text: string, isError = false): void {
  const status = byId("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}

function pictureOptions(): { pixelScale: number; beam: number | null } | null {
  const [pixelScale, beam] = ["pixel-scale", "picture-beam"].map((id) => Number(byId<HTMLInputElement>(id).value));
  return pixelScale! > 0 ? { pixelScale: pixelScale!, beam: beam! > 0 ? beam! : null } : null;
}

function chooseTheme(): void {
  const root = document.documentElement;
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme: string) => {
    root.dataset["theme"] = theme;
    byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", `Use the ${theme === "dark" ? "light" : "dark"} theme`);
  };
  apply(isDark.matches ? "dark" : "light");
  isDark.addEventListener("change", () => apply(isDark.matches ? "dark" : "light"));
  byId("theme").addEventListener("click", () => apply(root.dataset["theme"] === "dark" ? "light" : "dark"));
}

async function start(): Promise<void> {
  chooseTheme();
  try {
    const worker = connect(await startWorker());
    const model = await bytesOf("model");
    const wasm = isSingle ? await bytesOf("wasm") : null;
    const metadata = await worker.start({ model, wasm, base: FILES.wasm });
    byId("model").textContent =
      `Network: ${metadata.name}. Calibrated on ${metadata.calibration?.fitted_on ?? "nothing"}.`;
    new Page(worker, metadata);
    document.documentElement.dataset["ready"] = performance.now().toFixed(0);
    say("Ready.");
  } catch (error) {
    say(`The network cannot be loaded: ${(error as Error).message}`, true);
  }
}

void start();
