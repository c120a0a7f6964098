// Scales stay within their range, and ticks are round numbers that hold every value.
import assert from "node:assert/strict";
import {test} from "node:test";
import {linear, logDomain, logTicks, logarithmic, shortPixels, stack, ticks} from "../../../web/logic/chart.js";

test("a linear scale maps ends to ends and clamps", () => {
  const scale = linear([0, 2], [100, 0]);
  assert.deepEqual([0, 1, 2, 5].map(scale), [100, 50, 0, 0]);
});

test("a logarithmic scale gives each decade the same room, and takes 0", () => {
  const scale = logarithmic([10, 1000], [0, 200]);
  assert.deepEqual([10, 100, 1000, 0].map(scale), [0, 100, 200, 0]);
});

test("ticks are round, begin at 0 and pass the top", () => {
  assert.deepEqual(ticks(1.14), [0, 0.5, 1, 1.5]);
  assert.deepEqual(ticks(7), [0, 2, 4, 6, 8]);
  assert.deepEqual(ticks(0), [0, 1]);
  for (const top of [0.003, 0.7, 1, 3.99, 12, 135.2, 99999]) {
    const all = ticks(top);
    assert.ok(all.at(-1) >= top && all.length >= 2 && all.length <= 6, `${top}: ${all}`);
  }
});

test("a log axis has two ends, whatever it holds", () => {
  assert.deepEqual(logDomain([]), [1, 10]);
  assert.deepEqual(logDomain([1000]), [1000, 10000]);
  assert.deepEqual(logDomain([4320000, 60000, 0]), [10000, 10000000]);
  assert.deepEqual(logTicks([10000, 10000000]), [1e4, 1e5, 1e6, 1e7]);
});

test("stacked parts lie end to end", () => {
  const placed = stack([{ns: 1}, {ns: 3}], 8);
  assert.deepEqual(placed.map((part) => [part.start, part.share]), [[0, 0.125], [0.125, 0.375]]);
  assert.deepEqual(stack([{ns: 1}], 0)[0].share, 0);
});

test("pixels are short on an axis", () => {
  assert.deepEqual([10, 1e4, 1e6, 2e9].map(shortPixels), ["10 px", "10 kP", "1 MP", "2 GP"]);
});
