// What the first bytes of a file declare; odd ones are never a crash.
import assert from "node:assert/strict";
import test from "node:test";

import {sniff} from "../../../web/logic/sniff.js";

const ascii = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const u32 = (n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, ...u32(70000), ...u32(3)]);
const JPEG = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9, 0xff, 0xc2, 0, 11, 8, 1, 2, 3, 4, 1]);
const BMP = Uint8Array.from([0x42, 0x4d, ...new Array(12).fill(0), 40, 0, 0, 0, 200, 1, 0, 0, 0xfe, 0xff, 0xff, 0xff]);

test("formats and sizes", () => {
  assert.deepEqual(sniff(PNG), {format: "png", width: 70000, height: 3});
  assert.deepEqual(sniff(JPEG), {format: "jpeg", width: 0x304, height: 0x102});
  assert.deepEqual(sniff(BMP), {format: "bmp", width: 456, height: 2});
  assert.deepEqual(sniff(ascii("P6 # made by\n 12 34\n255\n")), {format: "pnm", width: 12, height: 34});
  assert.deepEqual(sniff(ascii("P7\nWIDTH 5\nHEIGHT 6\nDEPTH 3\n")), {format: "pnm", width: 5, height: 6});
});

test("what is none", () => {
  for (const text of ["", "P", "P8 1 1", "Not a picture.", "GIF89a", "<svg>"]) assert.equal(sniff(ascii(text)), null, text);
});

test("files cut short anywhere", () => {
  for (const whole of [PNG, JPEG, BMP, ascii("P6 12 34 255 ")]) {
    for (let n = 0; n < whole.length; n++) {
      const told = sniff(whole.subarray(0, n));
      assert.ok(told === null || typeof told.format === "string");
    }
  }
});

test("noise behind a beginning", () => {
  let state = 1;
  const noise = () => (state = (state * 1103515245 + 12345) & 0x7fffffff) >>> 16 & 255;
  for (let i = 0; i < 500; i++) {
    const bytes = Uint8Array.from({length: 200}, noise);
    bytes.set([0xff, 0xd8, 0xff]);
    assert.equal(sniff(bytes).format, "jpeg");
  }
});
