// How files are sent, and what the server's words make of a card.

import assert from "node:assert/strict";
import test from "node:test";
import * as logic from "../../../web/logic/uploads.js";

const card = {key: "k", name: "a.png", nbytes: 100, phase: "queued", sent: 100, problem: null, progress: null,
  job: {id: "1", state: "queued", position: 2}};

test("the back-off grows from half a second to ten, jitter or not", () => {
  for (const random of [0, 0.5, 0.999]) {
    let last = 0;
    for (let failures = 0; failures < 40; failures++) {
      const pause = logic.backoff(failures, random);
      assert.ok(pause >= 500 && pause <= 10000 && pause >= last);
      last = pause;
    }
    assert.equal(last, 10000);
  }
  assert.notEqual(logic.backoff(0, 0), logic.backoff(0, 0.9));
});

test("the server's own pause comes first", () => {
  assert.equal(logic.pauseFor({retryAfter: 30}, 0, 0), 30000);
  assert.equal(logic.pauseFor({retryAfter: 0}, 0, 0), 500);
  assert.equal(logic.pauseFor({retryAfter: null}, 1, 0), 1000);
});

test("parts cover a file without a gap", () => {
  const nbytes = 3 * logic.PART_NBYTES + 1;
  let offset = 0;
  let parts = 0;
  while (offset < nbytes) {
    const end = logic.partEnd(offset, nbytes);
    assert.ok(end > offset && end - offset <= logic.PART_NBYTES);
    offset = end;
    parts++;
  }
  assert.equal(offset, nbytes);
  assert.equal(parts, 4);
  assert.equal(logic.inParts(logic.SMALL_NBYTES), false);
  assert.equal(logic.inParts(logic.SMALL_NBYTES + 1), true);
});

test("each failure has its way on", () => {
  const of = (status, type = "", failures = 0) => logic.reaction({status, type}, failures);
  assert.equal(of(0, "offline"), "away");
  assert.equal(of(401), "token");
  assert.equal(of(503, "queue-full"), "later");
  assert.equal(of(429), "later");
  assert.equal(of(409), "busy");
  assert.equal(of(410), "anew");
  assert.equal(of(404, "", 9), "failed");
  assert.equal(of(413), "refused");
  assert.equal(of(415), "refused");
  assert.equal(of(422), "failed");
  assert.equal(of(500), "away");
  assert.equal(of(500, "", 9), "failed");
  assert.equal(of(502), "away");
  assert.equal(of(undefined), "failed");
});

test("a job as the server tells it", () => {
  const running = {...card, ...logic.foldJob(card, {id: "1", state: "running"})};
  assert.equal(running.phase, "running");
  const done = {...running, ...logic.foldJob({...running, progress: {done: 1, total: 2}}, {id: "1", state: "done"})};
  assert.equal(done.phase, "done");
  assert.equal(done.progress, null);
  assert.deepEqual(logic.foldJob(done, {id: "1", state: "running"}), {}, "an answer that is late changes nothing");
  assert.equal(logic.foldJob(running, {id: "1", state: "queued"}).phase, "queued", "begun anew after a restart");
});

test("events", () => {
  const running = {...card, ...logic.foldEvent(card, "running", {ranks: 4})};
  assert.equal(running.phase, "running");
  assert.equal(running.job.ranks, 4);
  assert.equal(card.job.state, "queued", "what was handed in stays as it was");
  const further = logic.foldEvent(running, "progress", {done_rows: 3, total_rows: 9, pixels_per_second: 1e6});
  assert.deepEqual(further.progress, {done: 3, total: 9, pixelsPerSecond: 1e6});
  assert.deepEqual(logic.foldEvent(running, "progress", {done_rows: 0, total_rows: 0}), {});
  assert.equal(logic.foldEvent({...running, ...further}, "retry", {}).progress, null);
  for (const kind of ["done", "failed", "cancelled", "removed", "expired"]) {
    assert.equal(logic.foldEvent(running, kind, {}), null, `${kind}: the job is asked for`);
  }
  assert.deepEqual(logic.foldEvent({...running, phase: "done"}, "progress", {done_rows: 1, total_rows: 2}), {});
});

test("out of storage", () => {
  const now = Date.parse("2026-11-27T12:00:00Z");
  const uploading = {...card, phase: "uploading", job: null, sent: 50};
  assert.equal(logic.revived(uploading, true, now).phase, "waiting");
  assert.equal(logic.revived(uploading, false, now).phase, "needs-file");
  assert.equal(logic.revived({...uploading, whole: true}, false, now).phase, "waiting");
  assert.equal(logic.revived(card, false, now).phase, "queued");
  const done = {...card, phase: "done", job: {...card.job, expires: "2026-11-27T11:00:00Z"}};
  assert.equal(logic.revived(done, false, now).phase, "failed");
  assert.equal(logic.revived(done, false, now - 7200000).phase, "done");
});

test("the same file chosen again", () => {
  const file = {name: "a.png", size: 5, lastModified: 7};
  assert.equal(logic.fingerprint(file), logic.fingerprint({...file}));
  assert.notEqual(logic.fingerprint(file), logic.fingerprint({...file, lastModified: 8}));
});
