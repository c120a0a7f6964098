// Tests of the choice of tiles and of their cache.
import assert from "node:assert/strict";
import test from "node:test";
import { TileCache, levelFor, levelSize, visibleTiles } from "../../../web/logic/tiles.js";

test("level follows the scale", () => {
  assert.equal(levelFor(1, 5), 0);
  assert.equal(levelFor(8, 5), 0);
  assert.equal(levelFor(0.5, 5), 1);
  assert.equal(levelFor(0.3, 5), 1);
  assert.equal(levelFor(0.001, 5), 4);
});

test("level size is rounded up", () => {
  assert.deepEqual(levelSize({ width: 5, height: 4 }, 1), { width: 3, height: 2 });
});

test("only tiles in the pane, the middle first", () => {
  const picture = { width: 5000, height: 5000 };
  const found = visibleTiles({ scale: 1, x: 500, y: 600 }, { width: 600, height: 200 }, picture, 0);
  assert.deepEqual(found.map((t) => [t.column, t.row]), [[1, 1], [2, 1], [0, 1]]);
  const edge = visibleTiles({ scale: 0.01, x: -100, y: -100 }, { width: 100, height: 100 }, picture, 3);
  assert.equal(edge.length, 4);
});

test("cache drops the least used and closes it", () => {
  const closed = [];
  const bitmap = (name) => ({ width: 10, height: 10, close: () => closed.push(name) });
  const cache = new TileCache(800);
  cache.put("a", bitmap("a"));
  cache.put("b", bitmap("b"));
  cache.get("a");
  cache.put("c", bitmap("c"));
  assert.deepEqual(closed, ["b"]);
  assert.equal(cache.nbytes, 800);
  cache.clear();
  assert.equal(cache.size, 0);
  assert.equal(cache.nbytes, 0);
});
