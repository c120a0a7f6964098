// The performance view tells the truth of a report: shares add up, reasons match the figures, gaps are survived.
import assert from "node:assert/strict";
import {test} from "node:test";
import {advice, bars, facts, figures, headline, kernel, metadata} from "../../../web/logic/performance.js";

const rank = (number, given) => ({rank: number, row_count: 10, read_ns: 0, scatter_ns: 0, convert_ns: 0, encode_ns: 0,
  gather_ns: 0, write_ns: 0, ...given});
const run = (wall_ns, ranks, given) => ({run_count: 3, wall_ns, min_ns: wall_ns, max_ns: wall_ns,
  rank_count: ranks.length, ranks, ...given});
const place = (number, host, cpu, allowed_cpus) => ({rank: number, host, cpu, allowed_cpus, pid: number});

function report(given = {}) {
  return {
    input: null, metadata: [], kernel: null, launch: {mpi_init_ns: null, launch_ns: null},
    output: {format: "PNG", nbytes: 9, width: 4, height: 4, channels: 1, maxval: 65535, block_rows: 2, block_count: 8},
    plan: {path: "direct", why: "every rank reads its own rows", rank_count: 2, isa: "avx2"},
    places: [place(0, "a", 0, 1), place(1, "a", 1, 1)],
    runs: {
      parallel: run(100e6, [rank(0, {encode_ns: 90e6}), rank(1, {encode_ns: 80e6, gather_ns: 5e6})]),
      sequential: run(180e6, [rank(0, {encode_ns: 170e6})]),
    },
    compare: {identical: true, speed_up: 1.8, efficiency: 0.9},
    ...given,
  };
}
const slow = (given) => report({compare: {identical: true, speed_up: 0.5, efficiency: 0.25}, ...given});
const job = {launcher: "pool", ranks: 2, state: "done", times: null, output: {sha256: "ab"}};
const why = (given, of = job) => advice(of, slow(given)).why.join(" ");
const value = (list, label) => list.find((one) => one.label === label)?.value;

test("the headline is as plain on a slow-down as on a speed-up", () => {
  assert.match(headline(job, report()).text, /2 \w+ were 1\.80 times as fast as one alone/);
  assert.equal(headline(job, report()).tone, "good");
  assert.match(headline(job, slow()).text, /Parallel was slower/);
  assert.equal(headline(job, slow()).tone, "warn");
});

test("figures: times, launch apart from them, and whether the outputs are the same", () => {
  const list = figures(job, report());
  assert.equal(value(list, "Speed-up"), "1.80 ×");
  assert.equal(value(list, "Efficiency"), "90 %");
  assert.equal(value(list, "Launch"), "None");
  assert.equal(value(list, "Outputs"), "Identical");
  const differs = report({compare: {identical: false, speed_up: 1.8, efficiency: 0.9}});
  assert.equal(figures(job, differs).find((one) => one.label === "Outputs").tone, "bad");
});

test("a bar's parts and the rest make the wall time, on one scale for all", () => {
  const held = bars(report());
  assert.equal(held.whole_ns, 180e6);
  for (const bar of [...held.parallel, ...held.sequential]) {
    assert.equal(bar.parts.reduce((total, part) => total + part.ns, 0), bar.wall_ns);
  }
  assert.equal(held.parallel[1].parts.at(-1).ns, 15e6);
});

test("phases that overlap beyond the wall time leave no rest below zero", () => {
  const held = bars(report({runs: {parallel: run(10, [rank(0, {read_ns: 8, encode_ns: 8})]), sequential: null}}));
  assert.equal(held.whole_ns, 16);
  assert.equal(held.parallel[0].parts.at(-1).ns, 0);
});

test("nothing is amiss where efficiency is good, and one process alone needs no reasons", () => {
  assert.equal(advice(job, report()), null);
  assert.equal(advice({...job, ranks: 1}, slow({runs: {parallel: run(1, [rank(0)]), sequential: null}})), null);
});

test("reasons come from the figures", () => {
  const output = report().output;
  assert.match(why({output: {...output, block_count: 1}, plan: {path: "sequential", why: "a single row block"}}),
    /not shared: a single row block/);
  assert.match(why({output: {...output, block_count: 3}}), /3 row blocks do not divide evenly.*at best 1\.5 ×/);
  assert.match(why({plan: {path: "transcode", why: ""}}), /carried over without decoding/);
  assert.match(why({launch: {launch_ns: 200e6, mpi_init_ns: null}}), /Starting the processes took 200 ms/);
  const waits = [rank(0, {gather_ns: 60e6}), rank(1, {gather_ns: 40e6})];
  assert.match(why({runs: {parallel: run(100e6, waits), sequential: null}}), /took 50 % of each process's time/);
  const reads = {parallel: run(100e6, [rank(0, {read_ns: 80e6}), rank(1)]),
    sequential: run(50e6, [rank(0, {read_ns: 40e6})])};
  assert.match(why({runs: reads}), /Read .*up to 80(\.0)? ms a process, 40(\.0)? ms alone.*20(\.0)? ms/);
});

test("an input that only rank 0 can read is not blamed for not being shared", () => {
  const runs = {parallel: run(100e6, [rank(0, {read_ns: 80e6}), rank(1)]),
    sequential: run(50e6, [rank(0, {read_ns: 40e6})])};
  const text = why({runs, plan: {path: "scatter", why: ""}});
  assert.match(text, /Only rank 0 reads this input, which took 80(\.0)? ms/);
  assert.doesNotMatch(text, /shared perfectly/);
});

test("too few row blocks for the ranks", () => {
  const four = {parallel: run(100e6, [0, 1, 2, 3].map((i) => rank(i))), sequential: null};
  const text = why({runs: four, output: {...report().output, block_count: 3}});
  assert.match(text, /only 3 row blocks for 4 processes: 1 process had nothing to do/);
});

test("cores are shared only where ranks of one host outnumber them", () => {
  assert.match(why({places: [place(0, "a", 0, 1), place(1, "a", 0, 1)]}), /2 processes shared 1 processor core on a/);
  assert.doesNotMatch(why({places: [place(0, "a", 0, 1), place(1, "a", 1, 1)]}), /shared/);
  assert.doesNotMatch(why({places: [place(0, "a", 0, 1), place(1, "b", 0, 1)]}), /shared/);
});

test("the kernel is set against a memory copy", () => {
  const held = kernel(report({kernel: {kernel_gbs: 30, copy_gbs: 40}}));
  assert.match(held.text, /30\.0 GB\/s, 75 % of the 40\.0 GB\/s/);
  assert.equal(kernel(report()), null);
});

test("facts and metadata are told as they are", () => {
  const list = facts(job, report());
  assert.equal(value(list, "Output"), "PNG, 1 channel, 16 bits, 4 × 4, 9 bytes");
  assert.equal(value(list, "Hosts"), "a (ranks 0, 1)");
  assert.equal(value(list, "SHA-256 of the result"), "ab");
  assert.deepEqual(metadata({metadata: [{item: "EXIF", fate: "dropped", why: "w"}]}),
    [{item: "EXIF", fate: "Left out", why: "w"}]);
});

test("a missing or empty report still gives a page", () => {
  const empty = {plan: null, output: null, input: null, method: null, metadata: [], places: [], compare: null,
    runs: {parallel: null, sequential: null}, kernel: null, launch: {mpi_init_ns: null, launch_ns: null}};
  for (const none of [null, undefined, empty]) {
    assert.match(headline(job, none).text, /No times were measured/);
    assert.ok(figures(job, none).length > 0);
    assert.equal(bars(none), null);
    assert.equal(advice(job, none), null);
    assert.equal(kernel(none), null);
    assert.deepEqual(metadata(none), []);
    assert.ok(facts(job, none).length > 0);
  }
});

test("a launch that outlasts the work is told even where the speed-up is good", () => {
  const found = advice(job, report({launch: {launch_ns: 900e6, mpi_init_ns: 1}}));
  assert.equal(found.title, "What the speed-up leaves out");
  assert.match(found.why[0], /900 ms/);
  assert.equal(advice(job, slow()).title, "Why it was slower");
});
