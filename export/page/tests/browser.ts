/**
 * Drive the page in a browser and print what it shows, as one line of JSON.
 *
 * node browser.mjs BROWSER ADDRESS TASK [FOLDER]: the program, chromium or firefox; the address of
 * the page; a JSON file with the files and, for a mosaic, the position of a source, of which a
 * second one is chosen with the keys; and a folder for screenshots.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import puppeteer, { type Page } from "puppeteer-core";

const [program = "", address = "", task = "", folder = ""] = process.argv.slice(2);
const { files, position } = JSON.parse(readFileSync(task, "utf8")) as { files: string[]; position?: string };
const isFirefox = program.includes("firefox");
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

const browser = await puppeteer.launch({
  browser: isFirefox ? "firefox" : "chrome",
  executablePath: program,
  args: isFirefox ? [] : ["--no-sandbox", "--disable-dev-shm-usage"],
});
try {
  const page = await browser.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (request) => requests.push(request.url().slice(0, 200)));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("dialog", (dialog) => {
    problems.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.setViewport(SIZES.desktop);
  await page.goto(address, { waitUntil: "load" });
  await page.waitForFunction(() => document.documentElement.dataset["ready"], { timeout: 60_000 });
  const ready = Number(await page.evaluate(() => document.documentElement.dataset["ready"]));
  await watchTimes(page);
  const input = (await page.$("#files"))!;
  await (input as unknown as { uploadFile(...paths: string[]): Promise<void> }).uploadFile(...files);
  await settled(page, files.length);
  if (position) await chooseOnMosaic(page, position);
  if (folder) await screenshots(page, folder);
  const csv = await savedCsv(page);
  const shown = await page.evaluate(() => ({
    status: document.getElementById("status")!.textContent,
    label: document.getElementById("label")!.textContent,
    flags: document.getElementById("flags")!.textContent,
    overlays: [...document.querySelectorAll<HTMLInputElement>("#overlays input")].map((one) => one.value),
    milliseconds: (globalThis as unknown as { times: number[] }).times,
    injected: document.querySelectorAll("main img, main script").length,
  }));
  process.stdout.write(`${JSON.stringify({ ready, csv, requests, problems, ...shown })}\n`);
} finally {
  await browser.close();
}

/** Note the time of each classified source, which the page shows. */
async function watchTimes(page: Page): Promise<void> {
  await page.evaluate(() => {
    const times: number[] = [];
    Object.assign(globalThis, { times });
    new MutationObserver(() => {
      const shown = [...document.querySelectorAll("#facts dd")].at(-1)?.textContent ?? "";
      if (shown.endsWith(" ms")) times.push(parseFloat(shown));
    }).observe(document.getElementById("facts")!, { childList: true });
  });
}

/** Wait until each file is a row of the table, or the only result. */
async function settled(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const rows = document.querySelectorAll("#rows tr").length;
      const isMosaic = !document.getElementById("mosaic")!.hidden;
      const isAlone = wanted === 1 && !document.getElementById("result")!.hidden;
      return rows >= wanted || isMosaic || isAlone;
    },
    { timeout: 120_000 },
    count,
  );
}

/** Classify a source of the mosaic by its position, and the one in the middle with the keys. */
async function chooseOnMosaic(page: Page, text: string): Promise<void> {
  await page.type("#position", text);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#result:not([hidden])", { timeout: 60_000 });
  await page.focus("#mosaic-map");
  for (const key of ["ArrowLeft", "ArrowRight", "Enter"] as const) await page.keyboard.press(key);
  await page.waitForFunction(() => document.querySelectorAll("#rows tr").length === 2, { timeout: 60_000 });
}

/** The text of the CSV file that the page offers. */
async function savedCsv(page: Page): Promise<string> {
  return page.evaluate(async () => {
    let saved = new Blob();
    URL.createObjectURL = (blob) => {
      saved = blob as Blob;
      return "#";
    };
    document.getElementById("save-csv")!.click();
    return saved.text();
  });
}

async function screenshots(page: Page, into: string): Promise<void> {
  for (const theme of ["light", "dark"]) {
    await page.evaluate((name) => {
      if (document.documentElement.dataset["theme"] !== name) document.getElementById("theme")!.click();
    }, theme);
    for (const [name, size] of Object.entries(SIZES)) {
      await page.setViewport(size);
      await new Promise((resolve) => setTimeout(resolve, 600));
      await page.screenshot({ path: join(into, `${theme}-${name}.png`) as `${string}.png`, fullPage: true });
    }
  }
  await page.setViewport(SIZES.desktop);
}
