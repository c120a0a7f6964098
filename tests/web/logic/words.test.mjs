// What the page calls figures, states and failures.

import assert from "node:assert/strict";
import test from "node:test";
import * as words from "../../../web/logic/words.js";

test("durations keep three figures and change their unit in time", () => {
  assert.equal(words.duration(null), "not measured");
  assert.equal(words.duration(900), "1 µs");
  assert.equal(words.duration(135283182), "135 ms");
  assert.equal(words.duration(1530000000), "1.53 s");
  assert.equal(words.duration(999.9e6), "1.00 s");
  assert.equal(words.duration(59999e6), "1 min 0 s");
  assert.equal(words.duration(3599.9e9), "1 h 0 min");
});

test("sizes round up into the next unit", () => {
  assert.equal(words.size(1), "1 byte");
  assert.equal(words.size(999), "999 bytes");
  assert.equal(words.size(12960017), "13 MB");
  assert.equal(words.size(999999), "1 MB");
  assert.equal(words.size(2.5e15), "2500 TB");
});

test("counts and pixels", () => {
  assert.equal(words.count(1234567), "1\u202f234\u202f567");
  assert.equal(words.count(12), "12");
  assert.equal(words.pixels(2400, 1000), "2.4 MP");
  assert.equal(words.pixels(10, 10), "100 pixels");
  assert.equal(words.pixels(40000, 30000), "1.2 GP");
});

test("a picture whose sides are not known", () => {
  assert.equal(words.picture({format: null, nbytes: 10, width: null}), "UNKNOWN, 10 bytes");
  assert.equal(words.picture({format: "pnm", nbytes: 12960017, width: 2400, height: 1800}), "PNM, 2400 × 1800, 13 MB");
});

test("a date that is none", () => {
  assert.equal(words.dateText(null), "unknown");
  assert.match(words.dateText("2026-11-27T16:06:45.679Z"), /^2026-11-2\d \d\d:\d6$/);
});

test("a slow-down is told as plainly as a speed-up", () => {
  const times = {parallel_ns: 1e9, sequential_ns: 1e9, efficiency: 1, launch_ns: null};
  const job = (speedup, ranks = 4) => ({ranks, times: {...times, speedup}});
  assert.equal(words.verdict(job(2)), "4 ranks were 2.00 times as fast as one alone.");
  assert.equal(words.verdict(job(0.5)), "Parallel was slower: 4 ranks took 2.00 times as long as one alone.");
  assert.equal(words.verdict(job(1)), "4 ranks and one alone took equally long.");
  assert.equal(words.verdict(job(null)), "Converted by 4 ranks in 1.00 s.");
  assert.equal(words.verdict({ranks: 1, times: null}), "No times were measured.");
});

test("a failure says what went wrong and what helps", () => {
  const error = {type: "urn:rgb2gray:problem:corrupt-image", title: "The image is damaged", detail: "CRC of IDAT"};
  assert.deepEqual(words.failure({state: "failed", error}), {title: "The image is damaged", detail: "CRC of IDAT",
    help: "The file is damaged or cut short. Export it again and send the new copy."});
  assert.equal(words.failure({phase: "failed", problem: null, job: {error}}).title, "The image is damaged");
  assert.equal(words.failure({phase: "waiting", problem: {type: "queue-full", title: "Full"}}).help,
    "It is sent by itself when there is room.");
  assert.equal(words.failure({phase: "cancelled", problem: null, job: null}).title, "Cancelled");
});

test("states", () => {
  assert.equal(words.stateText({phase: "uploading", sent: 50, nbytes: 200}), "Sending 25 %");
  assert.equal(words.stateText({phase: "queued", job: {position: 3}}), "In the queue, 3 before it");
  assert.equal(words.stateText({phase: "queued", job: {position: 0}}), "In the queue");
  assert.equal(words.stateText({phase: "running", progress: {done: 1, total: 3}}), "Converting 33 %");
  assert.equal(words.stateText({state: "running", slurm: {job: "7", state: "PENDING"}}),
    "Running under Slurm: PENDING");
});
