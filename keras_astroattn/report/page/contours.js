"use strict";

/**
 * Contour of a small map as the path of an SVG, by marching squares with linear interpolation.
 * Pixel (column, row) lies at (column * step + offset, row * step + offset) of the drawing.
 * @param {ArrayLike<number>} values rows of the map, one after the other
 * @param {number} width number of columns
 * @param {number} level value of the contour
 * @param {number} step distance of pixels in the drawing
 * @param {number} offset place of the first pixel in the drawing
 * @returns {string} text for the attribute d; empty if the level is not crossed
 */
function contourPath(values, width, level, step, offset) {
  const height = values.length / width;
  const at = (column, row) =>
    column < 0 || row < 0 || column >= width || row >= height
      ? -Infinity
      : values[row * width + column] - level;
  const place = (a, b, p, q) => {
    // Where the line from a to b crosses the level; at a margin, on the pixel itself.
    const t = p === -Infinity ? 1 : q === -Infinity ? 0 : p / (p - q);
    const x = (a[0] + t * (b[0] - a[0])) * step + offset;
    const y = (a[1] + t * (b[1] - a[1])) * step + offset;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  const parts = [];
  for (let row = -1; row < height; row++) {
    for (let column = -1; column < width; column++) {
      const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
      const found = corners.map(([x, y]) => at(x, y));
      const crossed = [];
      for (let side = 0; side < 4; side++) {
        const next = (side + 1) % 4;
        if (found[side] > 0 !== found[next] > 0) {
          crossed.push(place(corners[side], corners[next], found[side], found[next]));
        }
      }
      for (let pair = 0; pair + 1 < crossed.length; pair += 2) {
        // At a corner of the map both ends may be the same pixel.
        if (crossed[pair] !== crossed[pair + 1]) parts.push(`M${crossed[pair]}L${crossed[pair + 1]}`);
      }
    }
  }
  return parts.join("");
}
