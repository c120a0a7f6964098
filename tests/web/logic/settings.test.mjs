// Settings: only what can be had is kept, and a link carries all of it there and back.
import assert from "node:assert/strict";
import test from "node:test";

import * as settings from "../../../web/logic/settings.js";

const ALL = {method: "bt709", format: "jpeg", quality: "80", compression: "small", ranks: "4", compare: "off"};

test("what cannot be had is the default", () => {
  const odd = {method: "bt2020", format: "gif", quality: "101", compression: "most", ranks: "9", compare: "maybe"};
  assert.deepEqual(settings.clean(odd, 8), settings.DEFAULTS);
  for (const raw of [null, undefined, 7, [], {ranks: "-1"}, {ranks: "1e3"}, {ranks: "0"}, {quality: " 5"}]) {
    assert.deepEqual(settings.clean(raw), settings.DEFAULTS);
  }
  assert.equal(settings.clean({ranks: 8}, 8).ranks, "8");
});

test("a link carries all settings", () => {
  assert.deepEqual(settings.fromHash(settings.toHash(ALL)), ALL);
  assert.equal(settings.fromHash(settings.toHash(ALL), 2).ranks, "");
  assert.equal(settings.fromHash("#images"), null);
  assert.deepEqual(settings.fromHash("#set/%%%&method=<b>&=&&compare"), settings.DEFAULTS);
});

test("options name only what is asked for", () => {
  assert.deepEqual(settings.toOptions(settings.DEFAULTS), {compare: "true"});
  assert.deepEqual(settings.toOptions(ALL), {method: "bt709", format: "jpeg", ranks: "4", quality: "80"});
  assert.deepEqual(settings.toOptions({...ALL, format: "png"}),
    {method: "bt709", format: "png", ranks: "4", compression: "small"});
  assert.deepEqual(settings.toOptions({...ALL, format: "pgm"}), {method: "bt709", format: "pgm", ranks: "4"});
});

test("a line tells them", () => {
  const server = {ranks: 2, methods: [{name: "bt601"}]};
  assert.equal(settings.summary(settings.DEFAULTS, server),
    "BT.601 · same format as the image · 2 ranks · compared with one process");
  assert.equal(settings.summary({...ALL, ranks: "1"}, null), "BT.709 · JPEG · quality 80 · 1 rank · not compared");
});
