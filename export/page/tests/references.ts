/** Compare the TypeScript with the reference values that Python, numpy and astropy wrote. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { SURVEYS } from "../generated/constants";
import references from "../generated/references.json";
import { pixelToSky, skyToPixel, wcsKeywords } from "../src/images/celestial";
import { sourceAlone } from "../src/images/cutout";
import { FitsMap } from "../src/images/fits_map";
import { grid } from "../src/images/grid";
import type { Value } from "../src/images/fits_file";
import { beamsAt } from "../src/images/known_surveys";
import { cutoutFromLevels } from "../src/images/picture";
import { parsePosition } from "../src/images/position";
import { std32 } from "../src/images/statistics";
import { InputError } from "../src/images/errors";
import { probabilityText } from "../src/ui/format";

const samples = process.argv[2]!;

function near(given: readonly number[], wanted: readonly number[], tolerance: number): void {
  assert.equal(given.length, wanted.length);
  given.forEach((value, i) => {
    assert.ok(Math.abs(value - wanted[i]!) <= tolerance, `${given.join()} is not ${wanted.join()}`);
  });
}

for (const [name, wanted] of Object.entries(references.samples)) {
  test(`the sample ${name} is prepared as in Python`, async () => {
    const cutout = await (await FitsMap.open(await openAsBlob(join(samples, name)))).cutout();
    const sha256 = createHash("sha256").update(cutout.pixels).digest("hex");
    assert.equal(sha256, wanted.sha256);
    const alone = createHash("sha256").update(sourceAlone(cutout).pixels).digest("hex");
    assert.equal(alone, wanted.alone_sha256);
    assert.equal(cutout.noise, wanted.noise);
    assert.equal(cutout.peakSnr, wanted.peak_snr);
    assert.deepEqual(cutout.flags, wanted.flags);
    assert.equal(cutout.neighbours, wanted.neighbours);
    near([cutout.largestAngularSize, cutout.mainShare], [wanted.size!, wanted.main_share], 1e-9);
    near([cutout.pointShare, cutout.certainSize], [wanted.point_share, wanted.certain_size!], 1e-9);
    const { major, minor, positionAngle } = cutout.ellipse!;
    near([major, minor, positionAngle!], wanted.ellipse, 1e-6);
  });
}

test("probabilities are written as in Python", () => {
  const texts = Object.entries(references.probabilities);
  assert.deepEqual(Object.fromEntries(texts.map(([p]) => [p, probabilityText(Number(p))])), references.probabilities);
});

test("a picture of the source alone is stretched to its brightest pixel", () => {
  // 255 / 170 of 20, 3 and 1 are 30, 4.5 and 1.5.
  const levels = grid(150, 150);
  const source = 74 * 150 + 73;
  levels.pixels.set([20, 170, 20, 3, 1], source);
  levels.pixels.set([60, 255, 255, 60], 74 * 150 + 3);
  const cutout = cutoutFromLevels(levels);
  const { pixels, networkInput } = sourceAlone(cutout);
  assert.deepEqual([...pixels.subarray(source, source + 5)], [30, 255, 30, 4, 2]);
  assert.equal(pixels.filter((value) => value > 0).length, 5);
  assert.equal(networkInput[source + 1], 1);
  assert.deepEqual(sourceAlone({ ...cutout, pixels }).pixels, pixels);
});

test("the standard deviation is numpy's to the last bit", () => {
  for (const [length, wanted] of Object.entries(references.noise)) {
    const values = Float32Array.from({ length: Number(length) }, (_, k) => (k * 0.37) % 1);
    assert.equal(std32(values), wanted, `of ${length} values`);
  }
});

for (const { keywords, pixels, sky } of references.sky) {
  test(`positions on ${keywords.CTYPE1} are those of astropy`, () => {
    const found = wcsKeywords(new Map<string, Value>(Object.entries({ NAXIS: 2, ...keywords })))!;
    pixels.forEach((pixel, i) => {
      const place = pixel as [number, number];
      near(pixelToSky(found, place), sky[i]!, 2e-9);
      near(skyToPixel(found, pixelToSky(found, place)), place, 1e-6);
    });
  });
}

test("the far side of the sky is not on a map", () => {
  const { keywords } = references.sky[0]!;
  const found = wcsKeywords(new Map<string, Value>(Object.entries({ NAXIS: 2, ...keywords })))!;
  assert.ok(skyToPixel(found, [170, -40]).every(Number.isNaN));
});

test("positions are read in the notations of astropy", () => {
  for (const [text, wanted] of Object.entries(references.positions)) near(parsePosition(text), wanted, 1e-8);
  for (const text of ["", "187.7", "1,2,3", "12h,30h", "12:61:00,+1", "400,0", "10,91", "a,b"]) {
    assert.throws(() => parsePosition(text), InputError, text);
  }
});

test("beams of surveys depend on the declination", () => {
  for (const [name, at] of Object.entries(references.beams)) {
    const survey = SURVEYS.find((one) => one.name === name)!;
    for (const [declination, wanted] of Object.entries(at)) {
      const [beam] = beamsAt(survey, Number(declination));
      near([beam!.major, beam!.minor], wanted, 1e-8);
    }
  }
});
