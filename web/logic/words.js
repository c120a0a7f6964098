// What figures, states and failures are called. Pure functions; nothing here knows of the page.

export function duration(ns) {
  if (ns === null || ns === undefined) return "not measured";
  const ms = ns / 1e6;
  if (ms < 1) return `${(ns / 1e3).toFixed(0)} µs`;
  if (ms < 999.5) return `${Number(ms.toPrecision(3))} ms`;
  if (ms < 59995) return `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function size(nbytes) {
  if (nbytes === null || nbytes === undefined) return "unknown size";
  if (nbytes < 1000) return nbytes === 1 ? "1 byte" : `${nbytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = nbytes / 1000;
  let i = 0;
  while (value >= 999.5 && i < units.length - 1) {
    value /= 1000;
    i++;
  }
  return `${value >= 1000 ? value.toFixed(0) : Number(value.toPrecision(3))} ${units[i]}`;
}

// With thin gaps between thousands: 1 234 567.
export function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

export function pixels(width, height) {
  const n = width * height;
  if (n < 1e4) return `${count(n)} pixels`;
  if (n < 1e8) return `${Number((n / 1e6).toPrecision(2))} MP`;
  return n < 9.995e8 ? `${Math.round(n / 1e6)} MP` : `${Number((n / 1e9).toPrecision(3))} GP`;
}

export function picture(part) {
  const format = (part.format ?? "unknown").toUpperCase();
  const sides = part.width ? `${part.width} × ${part.height}, ` : "";
  return `${format}, ${sides}${size(part.nbytes)}`;
}

export function dateText(iso) {
  const date = new Date(iso ?? NaN);
  if (Number.isNaN(date.getTime())) return "unknown";
  const two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// The outcome in one sentence: a slow-down is told as plainly as a speed-up.
export function verdict(job) {
  const times = job.times;
  const ranks = job.ranks === 1 ? "1 rank" : `${job.ranks} ranks`;
  if (!times) return "No times were measured.";
  if (typeof times.speedup !== "number") return `Converted by ${ranks} in ${duration(times.parallel_ns)}.`;
  const factor = times.speedup;
  if (job.ranks === 1) return `Converted by 1 rank in ${duration(times.parallel_ns)}; nothing was shared out.`;
  if (factor >= 1.05) return `${ranks} were ${factor.toFixed(2)} times as fast as one alone.`;
  if (factor > 0 && factor <= 1 / 1.05) {
    return `Parallel was slower: ${ranks} took ${(1 / factor).toFixed(2)} times as long as one alone.`;
  }
  return `${ranks} and one alone took equally long.`;
}

// What a person can do about it, by the problem's type.
const HELP = {
  "corrupt-image": "The file is damaged or cut short. Export it again and send the new copy.",
  "unsupported-image": "Save it as PNG, JPEG, BMP or PNM and send that.",
  "unsupported-type": "Save it as PNG, JPEG, BMP or PNM and send that.",
  "too-large": "Send a smaller file, or ask whoever runs this server to raise its limit.",
  "too-many-pixels": "Send a smaller picture, or ask whoever runs this server to raise its limit.",
  "out-of-memory": "Send a smaller picture, or try again when the server is less busy.",
  "time-limit": "Try again with more ranks, or when the server is less busy.",
  "crashed": "Try again. If it happens every time, tell whoever runs this server.",
  "launch-failed": "Try again. If it happens every time, tell whoever runs this server.",
  "internal": "Try again. If it happens every time, tell whoever runs this server.",
  "bad-option": "Change the settings and try again.",
  "quota-full": "Remove results you no longer need, then try again.",
  "queue-full": "It is sent by itself when there is room.",
  "too-many-requests": "It goes on by itself in a moment.",
  "too-many-connections": "It goes on by itself in a moment.",
  "stopping": "It goes on by itself when the server is back.",
  "not-serving": "It goes on by itself when the server is ready.",
  "offline": "It goes on by itself when the server can be reached.",
  "token-needed": "Enter the access token to go on.",
  "gone": "Convert the file again if you still need the result.",
  "not-found": "Convert the file again if you still need the result.",
  "empty": "Choose a file that has something in it.",
};

// Why there is no result. Takes a job (its error), or a card (its own problem comes first).
export function failure(job) {
  const error = job.problem ?? job.error ?? job.job?.error;
  if (!error) {
    const cancelled = (job.state ?? job.phase) === "cancelled";
    const help = cancelled ? "Try again to convert it after all." : "Try again.";
    return {title: cancelled ? "Cancelled" : "Failed", detail: "", help};
  }
  const type = (error.type ?? "").split(":").pop();
  return {title: error.title || "Failed", detail: error.detail ?? "", help: HELP[type] ?? "Try again."};
}

function percent(part, whole) {
  return whole > 0 ? ` ${Math.min(100, Math.floor((100 * part) / whole))} %` : "";
}

export function stateText(card) {
  switch (card.phase ?? card.state) {
  case "waiting":
    return card.problem ? `Waiting: ${card.problem.title}` : "Waiting to be sent";
  case "uploading":
    return card.nbytes > 0 && card.sent >= card.nbytes ? "Sent, waiting for the server"
      : `Sending${percent(card.sent, card.nbytes)}`;
  case "paused":
    return "Paused: the server cannot be reached";
  case "needs-file":
    return "Choose the file again to go on";
  case "queued": {
    const position = (card.job ?? card).position;
    return position > 0 ? `In the queue, ${count(position)} before it` : "In the queue";
  }
  case "running": {
    const slurm = (card.job ?? card).slurm;
    if (card.progress) return `Converting${percent(card.progress.done, card.progress.total)}`;
    return slurm ? `Running under Slurm: ${slurm.state ?? "submitted"}` : "Converting";
  }
  case "done":
    return "Done";
  case "cancelled":
    return "Cancelled";
  case "refused":
    return "Not sent";
  default:
    return "Failed";
  }
}
