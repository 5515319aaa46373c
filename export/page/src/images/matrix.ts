/** Matrices of two rows and columns. */

export type Matrix = readonly [readonly [number, number], readonly [number, number]];

export function determinant([[a, b], [c, d]]: Matrix): number {
  return a * d - b * c;
}

export function product([[a, b], [c, d]]: Matrix, [[e, f], [g, h]]: Matrix): Matrix {
  return [
    [a * e + b * g, a * f + b * h],
    [c * e + d * g, c * f + d * h],
  ];
}

export function transposed([[a, b], [c, d]]: Matrix): Matrix {
  return [
    [a, c],
    [b, d],
  ];
}

export function inverse(of: Matrix): Matrix {
  const [[a, b], [c, d]] = of;
  const size = determinant(of);
  return [
    [d / size, -b / size],
    [-c / size, a / size],
  ];
}

export function scaled([[a, b], [c, d]]: Matrix, factor: number): Matrix {
  return [
    [a * factor, b * factor],
    [c * factor, d * factor],
  ];
}

export function difference([[a, b], [c, d]]: Matrix, [[e, f], [g, h]]: Matrix): Matrix {
  return [
    [a - e, b - f],
    [c - g, d - h],
  ];
}

/** Lengths of the columns. */
export function columnLengths([[a, b], [c, d]]: Matrix): [number, number] {
  return [Math.hypot(a, c), Math.hypot(b, d)];
}

/** Larger eigenvalue of a symmetric matrix. */
export function largestEigenvalue([[a, b], [, d]]: Matrix): number {
  return (a + d) / 2 + Math.hypot((a - d) / 2, b);
}
