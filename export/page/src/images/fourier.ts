/** Discrete Fourier transform of lengths whose only factors are 2, 3 and 5. */

export interface Complex {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

export function complex(length: number): Complex {
  return { real: new Float64Array(length), imaginary: new Float64Array(length) };
}

/** The next length whose only factors are 2, 3 and 5. */
export function fastLength(length: number): number {
  for (; ; length++) {
    let rest = length;
    for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
    if (rest === 1) return length;
  }
}

/** A plan for transforms of one length; `sign` is -1 forwards and 1 backwards, without scaling. */
export class Transform {
  private readonly factors: number[] = [];
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly copy: Complex;

  constructor(private readonly length: number) {
    let rest = length;
    for (const factor of [4, 2, 3, 5]) {
      for (; rest % factor === 0; rest /= factor) this.factors.push(factor);
    }
    const angle = (2 * Math.PI) / length;
    this.cosines = Float64Array.from({ length }, (_, k) => Math.cos(angle * k));
    this.sines = Float64Array.from({ length }, (_, k) => Math.sin(angle * k));
    this.copy = complex(length);
  }

  /** Transform values in place (Stockham's algorithm, decimation in frequency). */
  run(values: Complex, sign: 1 | -1): void {
    let [from, to] = [values, this.copy];
    let stride = 1;
    let rest = this.length;
    for (const factor of this.factors) {
      this.pass(from, to, factor, rest / factor, stride, sign);
      rest /= factor;
      stride *= factor;
      [from, to] = [to, from];
    }
    if (from !== values) {
      values.real.set(from.real);
      values.imaginary.set(from.imaginary);
    }
  }

  private pass(
    from: Complex,
    to: Complex,
    factor: number,
    parts: number,
    stride: number,
    sign: number,
  ): void {
    const { cosines, sines, length } = this;
    const unit = length / factor;
    for (let part = 0; part < parts; part++) {
      for (let k = 0; k < factor; k++) {
        const twiddle = (k * part * stride) % length;
        const [wr, wi] = [cosines[twiddle]!, sign * sines[twiddle]!];
        for (let q = 0; q < stride; q++) {
          let real = 0;
          let imaginary = 0;
          for (let j = 0; j < factor; j++) {
            const place = q + stride * (part + parts * j);
            const angle = (j * k * unit) % length;
            const [c, s] = [cosines[angle]!, sign * sines[angle]!];
            const [a, b] = [from.real[place]!, from.imaginary[place]!];
            real += a * c - b * s;
            imaginary += a * s + b * c;
          }
          const target = q + stride * (factor * part + k);
          to.real[target] = real * wr - imaginary * wi;
          to.imaginary[target] = real * wi + imaginary * wr;
        }
      }
    }
  }
}
