// What a job's figures are called. Pure functions; nothing here knows of the page.

export function duration(ns) {
  if (ns === null || ns === undefined) return "not measured";
  const ms = ns / 1e6;
  if (ms < 1) return `${(ns / 1e3).toFixed(0)} µs`;
  if (ms < 1000) return `${ms.toPrecision(3)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.floor(ms / 60000)} min ${((ms % 60000) / 1000).toFixed(0)} s`;
}

export function size(nbytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (nbytes >= 1000 && i < units.length - 1) {
    nbytes /= 1000;
    i++;
  }
  return i === 0 ? `${nbytes} ${units[0]}` : `${nbytes.toPrecision(3)} ${units[i]}`;
}

export function picture(part) {
  const format = (part.format ?? "unknown").toUpperCase();
  const sides = part.width ? `${part.width} × ${part.height}, ` : "";
  return `${format}, ${sides}${size(part.nbytes)}`;
}

// The outcome in one sentence: a slow-down is told as plainly as a speed-up.
export function verdict(job) {
  const times = job.times;
  const processes = job.ranks === 1 ? "one process" : `${job.ranks} processes`;
  if (!times) return "No times were measured.";
  if (times.speedup === null) return `Converted by ${processes} in ${duration(times.parallel_ns)}.`;
  const factor = times.speedup;
  if (factor >= 1.05) return `${processes} were ${factor.toFixed(2)} times as fast as one alone.`;
  if (factor <= 1 / 1.05) return `Parallel was slower: ${processes} took ${(1 / factor).toFixed(2)} times as long as one alone.`;
  return `${processes} and one alone took equally long.`;
}

// Why there is no result, in the server's words.
export function failure(job) {
  if (!job.error) return stateText(job);
  return job.error.detail ? `${job.error.title}: ${job.error.detail}` : `${job.error.title}.`;
}

export function timeRows(job) {
  const times = job.times ?? {};
  const rows = [["Parallel", duration(times.parallel_ns)], ["Sequential", duration(times.sequential_ns)]];
  if (typeof times.speedup === "number") rows.push(["Speed-up", `${times.speedup.toFixed(2)} ×`]);
  if (typeof times.efficiency === "number") rows.push(["Efficiency", `${(100 * times.efficiency).toFixed(0)} %`]);
  if (typeof times.launch_ns === "number") rows.push(["Launch, not part of these", duration(times.launch_ns)]);
  return rows;
}

export function stateText(job) {
  switch (job.state) {
  case "queued":
    return job.position > 0 ? `Waiting: ${job.position} before this one` : "Waiting";
  case "running":
    return job.slurm ? `Running under Slurm: ${job.slurm.state ?? "submitted"}` : "Converting";
  case "done":
    return "Done";
  case "cancelled":
    return "Cancelled";
  default:
    return "Failed";
  }
}
