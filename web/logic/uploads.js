// What becomes of a card: how it is sent, when it is tried again, and what the server's words make of it. Pure.

export const SMALL_NBYTES = 2 ** 20; // up to this a single request is the quicker way
export const PART_NBYTES = 8 * 2 ** 20; // lost at most when a line drops, and small enough for a steady bar
export const KEEP_NBYTES = 512 * 2 ** 20; // larger files are not copied into the browser's own storage

const FIRST_MS = 500;
const LAST_MS = 10000;
const ENDED = new Set(["done", "failed", "cancelled", "refused"]);

export function ended(card) {
  return ENDED.has(card.phase);
}

export function live(card) {
  return card.phase === "queued" || card.phase === "running";
}

export function inParts(nbytes) {
  return nbytes > SMALL_NBYTES;
}

export function partEnd(offset, nbytes) {
  return Math.min(nbytes, offset + PART_NBYTES);
}

// Doubles from half a second to ten; up to half as much again is added, so that many pages do not come back at once.
export function backoff(failures, random = Math.random()) {
  const pause = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.min(LAST_MS, Math.round(pause * (1 + random / 2)));
}

// Milliseconds until a refused request is sent again: as long as the server says, where it says so.
export function pauseFor(problem, failures, random = Math.random()) {
  const pause = backoff(failures, random);
  return typeof problem.retryAfter === "number" ? Math.max(problem.retryAfter * 1000, FIRST_MS) : pause;
}

// The same file chosen again, as far as can be told without reading it.
export function fingerprint(file) {
  return `${file.name}|${file.size ?? file.nbytes}|${file.lastModified ?? 0}`;
}

// What to do about a failure while a file is sent:
// "token" wait for one, "later" the server is busy, "busy" the upload is, "anew" it is gone, "away" no answer to go by,
// "refused" this file will never be taken, "failed" nothing helps but to try by hand.
export function reaction(problem, failures = 0) {
  const status = problem.status ?? 0;
  if (status === 0) return problem.type === "offline" ? "away" : "failed";
  if (status === 401) return "token";
  if (status === 429 || status === 503) return "later";
  if (status === 409) return failures < 20 ? "busy" : "failed";
  if (status === 404 || status === 410) return failures < 5 ? "anew" : "failed";
  if (status === 408 || status === 502 || status === 504) return "away";
  if (status === 500) return failures < 4 ? "away" : "failed";
  return status === 413 || status === 415 ? "refused" : "failed";
}

export function gone(title = "The server no longer has this job") {
  return {status: 410, type: "gone", title, detail: "", retryAfter: null};
}

// A card's new fields once the server has told the job as it is. An ended card stays so: an answer that was on its way
// meanwhile tells nothing new.
export function foldJob(card, job) {
  if (ended(card) && job.state !== card.phase) return {};
  const over = ENDED.has(job.state);
  return {
    job,
    phase: job.state,
    sent: card.nbytes,
    problem: null,
    progress: job.state === "running" && !over ? card.progress : null,
  };
}

// The same for an event; null where the job has to be asked for.
export function foldEvent(card, kind, data) {
  if (ended(card)) return {};
  switch (kind) {
  case "queued": {
    const position = data.position ?? card.job?.position ?? null;
    return {phase: "queued", progress: null, job: {...card.job, state: "queued", position}};
  }
  case "running":
    return {
      phase: "running",
      job: {...card.job, state: "running", position: null, ranks: data.ranks ?? card.job?.ranks ?? null},
    };
  case "progress":
    if (!(data.total_rows > 0)) return {};
    return {
      phase: "running",
      progress: {done: data.done_rows ?? 0, total: data.total_rows, pixelsPerSecond: data.pixels_per_second ?? null},
    };
  case "retry":
    return {progress: null};
  default:
    return null;
  }
}

// A card as it comes out of storage: nothing is under way in a page that has just been opened.
export function revived(record, hasFile, now) {
  const card = {...record, sent: 0, progress: null};
  if (card.phase === "done" && card.job?.expires && Date.parse(card.job.expires) < now) {
    return {...card, phase: "failed", problem: gone("The result has expired"), sent: card.nbytes};
  }
  if (ended(card) || live(card)) return {...card, sent: card.job ? card.nbytes : 0};
  return {...card, phase: hasFile || record.whole ? "waiting" : "needs-file", problem: null};
}
