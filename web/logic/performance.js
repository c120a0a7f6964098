// What a report says of speed, in words and shares: from a job and its report to what the page shows. Pure functions.

import {stack} from "./chart.js";
import {duration, size, verdict} from "./words.js";

// In the order in which a row of pixels meets them.
export const PHASES = [
  {key: "read", letter: "R", label: "Read", words: "reading and decoding the input"},
  {key: "scatter", letter: "S", label: "Scatter", words: "passing rows to other ranks, or waiting for them"},
  {key: "convert", letter: "C", label: "Convert", words: "making gray of colour"},
  {key: "encode", letter: "E", label: "Encode", words: "packing rows in the output's format"},
  {key: "gather", letter: "G", label: "Gather", words: "passing results to rank 0, or waiting for them"},
  {key: "write", letter: "W", label: "Write", words: "writing the output"},
  {key: "other", letter: "O", label: "Other", words: "the rest of the wall time: set-up and waiting"},
];

const FAST = 1.05;  // within 5 % two times count as equal
const GOOD = 0.7;   // an efficiency below which a reason is due
const SHORT_NS = 20e6;

const percent = (share) => `${Math.round(100 * share)} %`;
const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const most = (rank, kind) => Math.max(0, ...rank.map((one) => one[`${kind}_ns`]));

// A report may be missing, and so may any part of it; the job knows the times as well.
function times(job, report) {
  const runs = report?.runs ?? {};
  const known = job?.times ?? {};
  return {
    ranks: runs.parallel?.rank_count ?? report?.plan?.rank_count ?? job?.ranks ?? 1,
    parallel_ns: runs.parallel?.wall_ns ?? known.parallel_ns ?? null,
    sequential_ns: runs.sequential?.wall_ns ?? known.sequential_ns ?? null,
    speedup: report?.compare?.speed_up ?? known.speedup ?? null,
    efficiency: report?.compare?.efficiency ?? known.efficiency ?? null,
    launch_ns: report?.launch?.launch_ns ?? report?.launch?.mpi_init_ns ?? known.launch_ns ?? null,
  };
}

export function headline(job, report) {
  const t = times(job, report);
  if (t.parallel_ns === null) return {text: "No times were measured for this picture.", tone: "plain"};
  const text = verdict({...job, ranks: t.ranks, times: t.ranks === 1 ? {...t, speedup: null} : t});
  if (t.speedup === null || t.ranks === 1) return {text, tone: "plain"};
  return {text, tone: t.speedup >= FAST ? "good" : t.speedup <= 1 / FAST ? "warn" : "plain"};
}

function spread(run) {
  if (!run) return "";
  if (run.run_count === 1) return ", one run";
  return `, median of ${run.run_count} runs, ${duration(run.min_ns)} to ${duration(run.max_ns)}`;
}

export function figures(job, report) {
  const t = times(job, report);
  const runs = report?.runs ?? {};
  const alone = t.ranks === 1;
  const list = [{label: alone ? "Wall time" : "Parallel wall time", value: duration(t.parallel_ns),
    note: plural(t.ranks, "process", "processes") + spread(runs.parallel)}];
  if (t.sequential_ns !== null && !alone) {
    list.push({label: "Sequential wall time", value: duration(t.sequential_ns),
      note: `1 process${spread(runs.sequential)}`});
  }
  if (t.speedup !== null && !alone) {
    list.push({label: "Speed-up", value: `${t.speedup.toFixed(2)} ×`, note: `${t.ranks} × would be perfect`});
  }
  if (t.efficiency !== null && !alone) {
    list.push({label: "Efficiency", value: percent(t.efficiency), note: "speed-up divided by processes"});
  }
  if (t.launch_ns !== null) {
    list.push({label: "Launch", value: duration(t.launch_ns), note: "not part of the wall times"});
  } else if (job?.launcher === "pool") {
    list.push({label: "Launch", value: "None", note: "the processes were already running"});
  }
  if (report?.compare) {
    const same = report.compare.identical;
    list.push({label: "Outputs", value: same ? "Identical" : "Different", tone: same ? "good" : "bad",
      note: same ? "byte for byte the same" : "do not use this result"});
  }
  return list;
}

function bar(label, rank, wall_ns, whole_ns) {
  const parts = PHASES.slice(0, -1).map((phase) => ({...phase, ns: rank[`${phase.key}_ns`] ?? 0}));
  parts.push({...PHASES.at(-1), ns: Math.max(0, wall_ns - sum(parts.map((part) => part.ns)))});
  return {label, rows: rank.row_count, parts: stack(parts, whole_ns), wall_ns};
}

// One bar a rank and one for one process alone, all on the same scale; null where no phases were measured.
export function bars(report) {
  const {parallel, sequential} = report?.runs ?? {};
  const held = [parallel, sequential].filter((run) => run?.ranks?.length);
  if (!held.length) return null;
  const spent = (rank) => sum(PHASES.map((phase) => rank[`${phase.key}_ns`] ?? 0));
  const whole_ns = Math.max(...held.flatMap((run) => [run.wall_ns, ...run.ranks.map(spent)]));
  const of = (run, name) => run?.ranks?.map((rank) => bar(name(rank), rank, run.wall_ns, whole_ns)) ?? [];
  const lone = parallel?.rank_count === 1;
  return {
    whole_ns,
    parallel: of(parallel, (rank) => lone ? "One process" : `Rank ${rank.rank}`),
    sequential: lone ? [] : of(sequential, () => "One alone"),
  };
}

export function kernel(report) {
  const k = report?.kernel;
  if (!k) return null;
  const share = k.kernel_gbs / k.copy_gbs;
  const meaning = share >= 0.8
    ? "It is about as fast as memory can deliver pixels: faster arithmetic would gain nothing."
    : share >= 0.4 ? "It runs at a good part of memory speed; arithmetic takes the rest."
      : "It is held back by arithmetic here, not by memory.";
  return {share, text: `Making gray moves ${k.kernel_gbs.toFixed(1)} GB/s, ${percent(share)} of the `
    + `${k.copy_gbs.toFixed(1)} GB/s of a plain memory copy on this machine. ${meaning}`,
  rows: [["Gray kernel", k.kernel_gbs], ["Memory copy", k.copy_gbs]]};
}

// Ranks of one host share the cores that they may run on; ranks bound to one core each have those they were seen on.
function crowded(places) {
  const hosts = new Map();
  for (const place of places ?? []) hosts.set(place.host, [...hosts.get(place.host) ?? [], place]);
  for (const [host, ranks] of hosts) {
    const allowed = Math.max(...ranks.map((place) => place.allowed_cpus));
    const seen = new Set(ranks.map((place) => place.cpu)).size;
    const cores = allowed === 1 ? seen : allowed;
    if (cores > 0 && cores < ranks.length) return {host, cores, ranks: ranks.length};
  }
  return null;
}

// Why several processes gained little, and what would help; the strongest reason first. Null where nothing is amiss.
export function advice(job, report) {
  const t = times(job, report);
  const why = [];
  const help = [];
  const add = (reason, remedy) => {
    why.push(reason);
    if (remedy && !help.includes(remedy)) help.push(remedy);
  };
  const larger = "Use one process for pictures like this one; several pay off on larger pictures.";
  const {plan, output, runs} = report ?? {};
  const [par, seq] = [runs?.parallel?.ranks ?? [], runs?.sequential?.ranks ?? []];
  if (t.ranks === 1 || t.speedup === null) return null;

  const launch = () => {
    if (t.launch_ns === null || !(t.launch_ns > t.sequential_ns)) return;
    add(`Starting the processes took ${duration(t.launch_ns)}, longer than the whole work takes one process `
      + `(${duration(t.sequential_ns)}). It is not part of the wall times.`,
    "The pool keeps processes running, so that small pictures need no launch.");
  };
  if (t.efficiency >= GOOD) {
    launch();
    return why.length ? {title: "What the speed-up leaves out", why, help} : null;
  }

  const cores = crowded(report?.places);
  if (plan?.path === "transcode") {
    add("This JPEG's own gray is carried over without decoding a pixel: the work is too short to share.",
      "Use one process for JPEG to JPEG; it is as fast as this gets.");
  } else if (plan?.path === "sequential") {
    add(`The work was not shared: ${plan.why}. ${t.ranks === 2 ? "The other process" : `The other ${t.ranks - 1}`} had `
      + "nothing to do.", output?.block_count === 1 ? larger : "Use one process, or PNG as the output format.");
  } else if (output?.block_count > 0 && output.block_count < t.ranks) {
    const idle = t.ranks - output.block_count;
    add(`The picture has only ${plural(output.block_count, "row block")} for ${t.ranks} processes: `
      + `${plural(idle, "process", "processes")} had nothing to do.`,
    `Use at most ${plural(output.block_count, "process", "processes")} for pictures of this size.`);
  } else if (output?.block_count % t.ranks && output.block_count < 4 * t.ranks) {
    const full = Math.ceil(output.block_count / t.ranks);
    add(`${output.block_count} row blocks do not divide evenly among ${t.ranks} processes: the busiest has ${full}, `
      + `so the speed-up is at best ${(output.block_count / full).toFixed(1)} ×.`);
  }
  if (cores) {
    add(`${cores.ranks} processes shared ${plural(cores.cores, "processor core")} on ${cores.host}: they waited for `
      + "one another's turn.", `Use at most ${plural(cores.cores, "process", "processes")} on this machine.`);
  }
  why.push(...phases(t, par, seq, plan, help));
  if (t.sequential_ns !== null && t.sequential_ns < SHORT_NS && plan?.path !== "transcode") {
    add(`One process needs only ${duration(t.sequential_ns)} for it all: starting together and waiting for one another `
      + "costs about as much.", larger);
  }
  const run = runs?.parallel;
  if (run?.run_count > 1 && run.max_ns > 1.5 * run.min_ns) {
    add(`The runs differed much, ${duration(run.min_ns)} to ${duration(run.max_ns)}: the machine may have been busy `
      + "with other work, so small differences mean little.", "Measure again when the machine is idle.");
  }
  why.splice(5);
  help.splice(3);
  launch();
  const title = t.speedup < 1 ? "Why it was slower" : "Why it was not faster";
  return {title, why, help};
}

// Reasons that the phases give: those that did not shrink as they should, and waiting.
function phases(t, par, seq, plan, help) {
  const why = [];
  if (!par.length || !(t.parallel_ns > 0) || plan?.path === "transcode" || plan?.path === "sequential") return why;
  const passed = sum(par.map((rank) => rank.scatter_ns + rank.gather_ns)) / par.length;
  if (passed > 0.15 * t.parallel_ns) {
    why.push(`Passing rows and waiting for other ranks (scatter and gather) took ${percent(passed / t.parallel_ns)} of `
      + `each process's time, ${duration(passed)}; one process alone has none of that.`);
  }
  const lone = plan?.path === "scatter";
  if (lone && most(par, "read") > 0.2 * t.parallel_ns) {
    why.push(`Only rank 0 reads this input, which took ${duration(most(par, "read"))}; that part of the work cannot be `
      + "shared.");
  }
  const grown = [lone ? "" : "read", "convert", "encode", "write"].filter(Boolean).map((key) => {
    const phase = PHASES.find((one) => one.key === key);
    return {phase, now: most(par, key), alone: most(seq, key)};
  }).filter((one) => seq.length && one.now - one.alone / t.ranks > 0.1 * t.parallel_ns)
    .sort((a, b) => b.now - b.alone / t.ranks - (a.now - a.alone / t.ranks));
  for (const {phase, now, alone} of grown.slice(0, 2)) {
    why.push(`${phase.label} (${phase.words}) took up to ${duration(now)} a process, ${duration(alone)} alone: `
      + `shared perfectly it would have been ${duration(alone / t.ranks)}.`);
  }
  if (seq.length && most(seq, "encode") > 0.5 * t.sequential_ns) {
    help.push("Most of the time goes into packing the output: fast PNG compression, or PGM or BMP, shortens it most.");
  }
  return why;
}

export function facts(job, report) {
  const list = [];
  const add = (label, value, mono) => value && list.push({label, value: String(value), mono: Boolean(mono)});
  const {plan, method, input, output, places} = report ?? {};
  if (plan) add("How the work was shared", plan.why ? `${plan.path}: ${plan.why}` : plan.path);
  if (method) add("Formula", method.formula, true);
  if (method?.luma_source) add("Gray comes from", method.luma_source);
  if (input) {
    add("Input", `${input.format}, ${input.colour}, ${input.stored_bits} bits a sample, ${size(input.nbytes)}`
      + (input.note ? `; ${input.note}` : ""));
  }
  if (output?.format) {
    const bits = Math.ceil(Math.log2(output.maxval + 1));
    add("Output", `${output.format}, ${plural(output.channels, "channel")}, ${bits} bits, ${output.width} × `
      + `${output.height}` + (output.nbytes ? `, ${size(output.nbytes)}` : ""));
    if (output.block_count > 0) {
      add("Row blocks", `${output.block_count} of up to ${plural(output.block_rows, "row")}`);
    }
  }
  if (plan?.isa) add("Instruction set", plan.isa.toUpperCase().replace("_", "."));
  if (places?.length) {
    const hosts = [...new Set(places.map((place) => place.host))];
    add("Hosts", hosts.map((host) => {
      const ranks = places.filter((place) => place.host === host).map((place) => place.rank);
      return `${host} (${ranks.length === 1 ? "rank" : "ranks"} ${ranks.join(", ")})`;
    }).join("; "));
  }
  if (job?.launcher) add("Started by", job.launcher === "pool" ? "the pool of running processes" : job.launcher);
  add("SHA-256 of the result", job?.output?.sha256, true);
  return list;
}

const FATES = {kept: "Kept", applied: "Applied", dropped: "Left out"};
export const metadata = (report) =>
  (report?.metadata ?? []).map((one) => ({item: one.item, fate: FATES[one.fate] ?? one.fate, why: one.why}));
