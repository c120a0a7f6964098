// The archive: checked against zlib's CRC-32 and by a reading of its directory as APPNOTE 6.3 has it; large sizes by
// their 64-bit fields. That other programs open one is shown where a browser makes it.
import assert from "node:assert/strict";
import test from "node:test";

import * as zip from "../../../web/logic/zip.js";

const bytes = (text) => new TextEncoder().encode(text);
const DATE = new Date(2026, 1, 3, 4, 5, 6);

function readDirectory(end) {
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  const found = [];
  let at = 0;
  while (view.getUint32(at, true) === 0x02014b50) {
    const [name, extra] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true)];
    found.push({
      crc: view.getUint32(at + 16, true), nbytes: view.getUint32(at + 24, true), at: view.getUint32(at + 42, true),
      name: new TextDecoder().decode(end.subarray(at + 46, at + 46 + name)),
      extra: new DataView(end.buffer, end.byteOffset + at + 46 + name, extra),
    });
    at += 46 + name + extra;
  }
  return {found, view, at};
}

test("the checksum", () => {
  assert.equal(zip.crc32(bytes("123456789")), 0xcbf43926); // the check value of every table of CRCs
  assert.equal(zip.crc32(bytes("6789"), zip.crc32(bytes("12345"))), 0xcbf43926);
  assert.equal(zip.crc32(new Uint8Array()), 0);
});

test("names are plain and differ", () => {
  const taken = new Set();
  assert.equal(zip.uniqueName("a.png", taken), "a.png");
  assert.equal(zip.uniqueName("A.png", taken), "A-2.png");
  assert.equal(zip.uniqueName("a.png", taken), "a-3.png");
  assert.equal(zip.uniqueName("../../etc/passwd", taken), "__.._etc_passwd");
  assert.equal(zip.uniqueName("..", taken), "_");
  assert.equal(zip.uniqueName("", taken), "image");
  assert.doesNotMatch(zip.uniqueName("C:\\x\u0000y\n.png", taken), /[\\:\u0000\n]/);
});

test("a directory of two files", () => {
  const entries = [{name: "ä.png", nbytes: 3, crc: 7, date: DATE, at: 0}, {name: "b", nbytes: 0, crc: 0, date: DATE, at: 50}];
  const end = zip.directory(entries, 99);
  const {found, view, at} = readDirectory(end);
  assert.deepEqual(found.map(({name, nbytes, crc, at: place}) => [name, nbytes, crc, place]),
    [["ä.png", 3, 7, 0], ["b", 0, 0, 50]]);
  assert.equal(view.getUint32(at, true), 0x06054b50);
  assert.deepEqual([view.getUint16(at + 10, true), view.getUint32(at + 12, true), view.getUint32(at + 16, true)],
    [2, at, 99]);
  assert.equal(at + 22, end.length);
});

test("more than 4 GiB", () => {
  const entry = {name: "big", nbytes: 5 * 2 ** 30, crc: 1, date: DATE, at: 6 * 2 ** 30};
  const header = zip.localHeader(entry);
  const local = new DataView(header.buffer);
  assert.equal(local.getUint32(18, true), 0xffffffff);
  assert.equal(local.getBigUint64(30 + 3 + 4, true), BigInt(entry.nbytes));
  const {found, view, at} = readDirectory(zip.directory([entry], 11 * 2 ** 30));
  assert.equal(found[0].nbytes, 0xffffffff);
  assert.equal(found[0].extra.getBigUint64(4, true), BigInt(entry.nbytes));
  assert.equal(found[0].extra.getBigUint64(20, true), BigInt(entry.at));
  assert.equal(view.getUint32(at, true), 0x06064b50);
  assert.equal(view.getBigUint64(at + 48, true), BigInt(11 * 2 ** 30));
});
