/** Small pictures of sources and the contours of their maps; elements of the page. */
const MAP = { size: 38, step: 4, offset: 1 }; // pixels of a small map on the picture of 150
const DASH = "–";

const byId = (id) => document.getElementById(id);

/** An element with attributes and text; text never becomes markup. */
function made(tag, attributes = {}, ...children) {
  const svg = tag === "svg" || tag === "path";
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function kindOf(label) {
  return { FRI: "fri", FRII: "frii", uncertain: "uncertain" }[label] ?? "other";
}

const fixed = (value, digits) => (value === null ? DASH : value.toFixed(digits));

/** A probability with the two to four decimals that tell it from 0 and 1. */
function probabilityText(value) {
  if (value === null) return DASH;
  for (const digits of [2, 3, 4]) {
    const text = value.toFixed(digits);
    if (0 < Number(text) && Number(text) < 1) return text;
  }
  return value > 0.5 ? "> 0.9999" : "< 0.0001";
}

/** Values of a small map from its PNG, once it is decoded. */
async function mapValues(base64) {
  const image = new Image();
  image.src = `data:image/png;base64,${base64}`;
  await image.decode();
  const canvas = made("canvas", { width: MAP.size, height: MAP.size });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, MAP.size, MAP.size);
  return Float32Array.from({ length: MAP.size ** 2 }, (_, place) => data[4 * place] / 17);
}

const path = (values, level) => contourPath(values, MAP.size, level, MAP.step, MAP.offset);

/**
 * Contours of a small map, as [class, d] pairs.
 * @param {string} base64 PNG of the map
 * @param {string} kind "evidence" for signed evidence, else attention
 */
async function contours(base64, kind) {
  const values = await mapValues(base64);
  if (kind !== "evidence") {
    return [0.4, 0.6, 0.8].map((share) => ["attention", path(values, 15 * share)]);
  }
  const turned = values.map((value) => 16 - value);
  return [0.2, 0.5].flatMap((share) => [
    ["towards-frii", path(values, 8 + 7 * share)],
    ["towards-fri", path(turned, 8 + 7 * share)],
  ]);
}

/** A picture of a source with contours over it; `overlay` is a promise of [class, d] pairs. */
function framed(picture, alt, overlay) {
  const drawing = made("svg", { viewBox: "0 0 150 150", "aria-hidden": "true" });
  const image = made("img", { src: `data:image/png;base64,${picture}`, alt });
  overlay.then((paths) => {
    drawing.append(...paths.map(([kind, d]) => made("path", { class: kind, d })));
  });
  return made("div", { class: "frame" }, image, drawing);
}
