// The history finds, orders and sums up rows without changing them.
import assert from "node:assert/strict";
import {test} from "node:test";
import {choices, filter, nextOrder, points, sort, summary} from "../../../web/logic/history.js";

const ROWS = [
  {id: "c", name: "scan 10.png", state: "done", out_format: "png", method: "bt601", pixels: 100, speedup: 2},
  {id: "b", name: "scan 9.jpg", state: "failed", out_format: null, method: "bt709", pixels: null, speedup: null},
  {id: "a", name: "Chest.jpg", state: "done", out_format: "jpeg", method: "bt601", pixels: 50, speedup: 0.5},
];
const ids = (rows) => rows.map((row) => row.id).join("");

test("every word must be found, in any case", () => {
  assert.equal(ids(filter(ROWS, {text: "SCAN bt709"})), "b");
  assert.equal(ids(filter(ROWS, {text: "  "})), "cba");
  assert.equal(ids(filter(ROWS, {state: "done", format: "jpeg"})), "a");
});

test("what was not measured comes last in either direction", () => {
  assert.equal(ids(sort(ROWS, "speedup", "ascending")), "acb");
  assert.equal(ids(sort(ROWS, "speedup", "descending")), "cab");
});

test("names are ordered as people count, and the input is left alone", () => {
  assert.equal(ids(sort(ROWS, "name")), "abc");
  assert.equal(ids(ROWS), "cba");
});

test("a second press turns the order round", () => {
  assert.deepEqual(nextOrder({key: "name", direction: "ascending"}, "name"), {key: "name", direction: "descending"});
  assert.equal(nextOrder({key: "name", direction: "ascending"}, "speedup").direction, "descending");
  assert.equal(nextOrder({key: "name", direction: "ascending"}, "created").direction, "descending");
  assert.equal(nextOrder({key: "speedup", direction: "ascending"}, "state").direction, "ascending");
});

test("choices, points and the summary follow the rows", () => {
  assert.deepEqual(choices(ROWS, "out_format"), ["jpeg", "png"]);
  assert.equal(ids(points(ROWS)), "ac");
  assert.equal(summary(ROWS), "Of 2 compared: 1 faster than one process, 1 slower.");
  assert.equal(summary([]), "No conversion here was compared with one process.");
});
