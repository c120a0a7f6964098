// Tests of the gray-level histogram.
import assert from "node:assert/strict";
import test from "node:test";
import { heights, histogram, summary } from "../../../web/logic/histogram.js";

test("counts and summary", () => {
  const bins = histogram(new Uint8ClampedArray([0, 0, 0, 255, 100, 9, 9, 255, 200, 0, 0, 255, 255, 0, 0, 255]));
  assert.equal(bins[100], 1);
  assert.deepEqual(summary(bins), { min: 0, max: 255, median: 100, mean: 138.75, black: 0.25, white: 0.25 });
  assert.equal(summary(new Array(256).fill(0)), null);
});

test("heights end at 1", () => {
  const bins = new Array(256).fill(0);
  bins[3] = 10;
  bins[4] = 5;
  assert.equal(heights(bins, false)[4], 0.5);
  assert.ok(heights(bins, true)[4] > 0.7);
  assert.equal(heights(bins, true)[3], 1);
});
