// The one file that speaks HTTP.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.type = body.type ?? "";
    this.title = body.title ?? "";
  }
}

async function check(response) {
  if (response.ok) return response;
  let body = {};
  try {
    body = await response.json();
  } catch {
    // not from the gateway, or cut off: the status has to do
  }
  throw new Problem(response.status, body);
}

export async function openSession(token) {
  await check(await fetch("/api/v1/session", {method: "POST", headers: {Authorization: `Bearer ${token}`}}));
}

export async function job(url) {
  return (await check(await fetch(url, {headers: {Accept: "application/json"}}))).json();
}

export async function cancel(url) {
  await check(await fetch(url, {method: "DELETE"}));
}

// Whether a token is asked for; told by the cheapest thing that needs one.
export async function letIn() {
  const response = await fetch("/api/v1/jobs?limit=1");
  return response.status !== 401;
}

// Sends an image with its options. fetch() tells nothing while it sends, so this is an XMLHttpRequest.
// Returns {promise of the job, abort()}.
export function submit(file, options, onSent) {
  const request = new XMLHttpRequest();
  const query = new URLSearchParams({...options, name: file.name});
  const promise = new Promise((resolve, reject) => {
    request.open("POST", `/api/v1/jobs?${query}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => onSent(event.loaded, event.total);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300 && request.response) resolve(request.response);
      else reject(new Problem(request.status, request.response ?? {}));
    };
    request.onerror = () => reject(new Problem(0, {detail: "The server cannot be reached."}));
    request.onabort = () => reject(new Problem(0, {type: "aborted", detail: "Cancelled."}));
  });
  request.send(file);
  return {promise, abort: () => request.abort()};
}

// Calls onChange(kind, data) for what happens to a job, until it has ended. Returns a function that stops it.
export function follow(url, onChange) {
  const source = new EventSource(url);
  const kinds = ["queued", "running", "progress", "retry", "slurm", "done", "failed", "cancelled", "removed", "expired"];
  for (const kind of kinds) {
    source.addEventListener(kind, (event) => {
      if (["done", "failed", "cancelled", "removed", "expired"].includes(kind)) source.close();
      onChange(kind, JSON.parse(event.data));
    });
  }
  source.onerror = () => {
    // it comes again by itself unless the server has refused it
    if (source.readyState === EventSource.CLOSED) onChange("closed", {});
  };
  return () => source.close();
}
