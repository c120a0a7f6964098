// Tests of the viewer's transform.
import assert from "node:assert/strict";
import test from "node:test";
import { clamp, fit, keyStep, panBy, toPicture, zoomAbout } from "../../../web/logic/view.js";

const pane = { width: 400, height: 300 };
const picture = { width: 4000, height: 2000 };

test("fit shows the whole picture in the middle", () => {
  assert.deepEqual(fit(pane, picture), { scale: 0.1, x: 0, y: -500 });
});

test("zoom keeps the point under the pointer", () => {
  const start = { scale: 1, x: 1000, y: 500 };
  const point = { x: 130, y: 70 };
  const after = zoomAbout(start, point, 2, pane, picture);
  assert.equal(after.scale, 2);
  assert.deepEqual(toPicture(after, point), toPicture(start, point));
});

test("panning stops at the edges", () => {
  const start = { scale: 1, x: 10, y: 10 };
  assert.deepEqual(panBy(start, 100, 100, pane, picture), { scale: 1, x: 0, y: 0 });
  assert.deepEqual(panBy(start, -9999, -9999, pane, picture), { scale: 1, x: 3600, y: 1700 });
});

test("scale is held between fit and the most", () => {
  assert.equal(clamp({ scale: 0.001, x: 0, y: 0 }, pane, picture).scale, 0.1);
  assert.equal(clamp({ scale: 999, x: 0, y: 0 }, pane, picture).scale, 32);
});

test("keys", () => {
  const start = { scale: 0.5, x: 1000, y: 500 };
  assert.equal(keyStep("1", start, pane, picture).scale, 1);
  assert.equal(keyStep("0", start, pane, picture).scale, 0.1);
  assert.ok(keyStep("ArrowRight", start, pane, picture).x > start.x);
  assert.equal(keyStep("q", start, pane, picture), null);
});
