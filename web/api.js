// The one file that speaks HTTP. Every failure is a Problem; a request that got no answer is of type "offline".

const ROOT = "/api/v1";
const TUS = {"Tus-Resumable": "1.0.0"};
const KINDS = ["queued", "running", "progress", "retry", "slurm", "done", "failed", "cancelled", "removed", "expired"];
const LAST = new Set(["done", "failed", "cancelled", "removed", "expired"]);

export class Problem extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.type = (body.type ?? "").split(":").pop();
    this.title = body.title ?? (status ? `The server answered ${status}` : "The server cannot be reached");
    this.detail = body.detail ?? "";
    this.retryAfter = retryAfter;
  }
}

function offline() {
  return new Problem(0, {type: "offline", title: "The server cannot be reached"});
}

function aborted() {
  return new DOMException("Cancelled.", "AbortError");
}

// Seconds; the other form of Retry-After is a date, which our server does not send.
function seconds(text) {
  return /^\d+$/.test(text ?? "") ? Number(text) : null;
}

async function ask(url, init = {}) {
  let response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    throw error.name === "AbortError" ? error : offline();
  }
  if (response.ok) return response;
  // not from the gateway, or cut off: the status has to do
  const body = await response.json().catch(() => ({}));
  throw new Problem(response.status, body, seconds(response.headers.get("Retry-After")));
}

// A body that breaks off is a dropped line as well.
async function askJson(url, init) {
  const response = await ask(url, init);
  try {
    return await response.json();
  } catch (error) {
    throw error.name === "AbortError" ? error : offline();
  }
}

function query(values) {
  const given = Object.entries(values ?? {}).filter(([, value]) => (value ?? "") !== "");
  return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
}

// Options as the server's JSON wants them, whether they come from a form (strings) or not.
function typed(options) {
  const told = {};
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === null || value === undefined || value === "") continue;
    if (value === "true" || value === "false") told[name] = value === "true";
    else told[name] = name === "ranks" || name === "quality" ? Number(value) : value;
  }
  return told;
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

// fetch() tells nothing while it sends, so bodies go by XMLHttpRequest.
function send(method, url, headers, body, onSent, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted());
      return;
    }
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent?.(event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(request);
        return;
      }
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        // as in ask(): the status has to do
      }
      reject(new Problem(request.status, told, seconds(request.getResponseHeader("Retry-After"))));
    };
    request.onerror = () => reject(offline());
    request.onabort = () => reject(aborted());
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    request.send(body);
  });
}

export const server = () => askJson(`${ROOT}/server`);
export const job = (id) => askJson(`${ROOT}/jobs/${id}`);
export const jobs = (which) => askJson(`${ROOT}/jobs${query(which)}`);
export const stats = (which) => askJson(`${ROOT}/stats.json${query(which)}`);
export const report = (job) => askJson(job.links.report);
export const reportUrl = (job) => job.links.report;
export const statsHref = (kind) => `${ROOT}/stats.${kind}?limit=100000`;
export const resultUrl = (job) => job.links.result;
export const originalUrl = (job) => job.links.original;
export const previewUrl = (job, of, size) => `${job.links.preview}?of=${of}&size=${size}`;
export const tileUrl = (job, of, level, column, row) => `${job.links.self}/tiles/${of}/${level}/${column}_${row}`;
export const result = (job, signal) => ask(job.links.result, {signal});

export async function remove(id) {
  await ask(`${ROOT}/jobs/${id}`, {method: "DELETE"});
}

// Resolves once the tiles are made, which the first request for them starts.
export async function tiles(job, of, signal) {
  for (let pause = 300; ; pause = Math.min(2000, pause * 1.5)) {
    const response = await ask(`${job.links.self}/tiles/${of}`, {signal});
    if (response.status !== 202) return response.json();
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal?.aborted) throw aborted();
  }
}

export async function bitmap(url, signal) {
  const response = await ask(url, {signal});
  return createImageBitmap(await response.blob());
}

// A File as it was sent, to convert it again.
export async function original(job) {
  const blob = await (await ask(job.links.original)).blob().catch(() => {
    throw offline();
  });
  return new File([blob], job.name, {type: blob.type});
}

export async function createUpload(name, nbytes, signal) {
  const headers = {...TUS, "Upload-Length": String(nbytes), "Upload-Metadata": `filename ${base64(name)}`};
  const response = await ask(`${ROOT}/uploads`, {method: "POST", headers, signal});
  return new URL(response.headers.get("Location"), location.href).pathname;
}

export async function uploadOffset(url, signal) {
  const response = await ask(url, {method: "HEAD", headers: TUS, signal});
  return Number(response.headers.get("Upload-Offset"));
}

export async function sendPart(url, offset, blob, onSent, signal) {
  const headers = {...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream"};
  const request = await send("PATCH", url, headers, blob, onSent, signal);
  return Number(request.getResponseHeader("Upload-Offset") ?? offset + blob.size);
}

export async function removeUpload(url) {
  await ask(url, {method: "DELETE", headers: TUS});
}

// Told again for the same upload, the server answers with the same job.
export function submit(uploadUrl, name, options, signal) {
  const body = JSON.stringify({upload: uploadUrl.split("/").pop(), name, options: typed(options)});
  return askJson(`${ROOT}/jobs`, {method: "POST", headers: {"Content-Type": "application/json"}, body, signal});
}

export async function submitSmall(file, options, onSent, signal) {
  const url = `${ROOT}/jobs${query({...options, name: file.name})}`;
  const request = await send("POST", url, {"Content-Type": "application/octet-stream"}, file, onSent, signal);
  try {
    return JSON.parse(request.responseText);
  } catch {
    throw offline();
  }
}

// Calls onEvent(kind, data) for what happens to a job until it has ended; "closed" where the server refuses to tell.
// Returns a function that stops it.
export function follow(job, onEvent) {
  const source = new EventSource(job.links.events);
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      if (LAST.has(kind)) source.close();
      let data = {};
      try {
        data = JSON.parse(event.data) ?? {};
      } catch {
        // the kind alone tells enough
      }
      onEvent(kind, data);
    });
  }
  source.onerror = () => {
    // it comes again by itself unless the server has refused it
    if (source.readyState === EventSource.CLOSED) onEvent("closed", {});
  };
  return () => source.close();
}

const sessions = new EventTarget();

// Calls fn whenever a session was opened.
export function onSession(fn) {
  sessions.addEventListener("open", () => fn());
}

export async function openSession(token) {
  await ask(`${ROOT}/session`, {method: "POST", headers: {Authorization: `Bearer ${token}`}});
  sessions.dispatchEvent(new Event("open"));
}

export async function closeSession() {
  await ask(`${ROOT}/session`, {method: "DELETE"});
}
