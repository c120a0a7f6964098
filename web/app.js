// The page: a form, what becomes of it, and the result.

import * as api from "./api.js";
import * as words from "./words.js";

const $ = (id) => document.getElementById(id);

let abortUpload = null;
let stopFollowing = null;
let current = null; // the job that is under way

function showError(text) {
  $("error").textContent = text;
  $("error").hidden = false;
  $("error").focus();
}

function showProgress(text, part) {
  $("progress-section").hidden = false;
  $("progress-text").textContent = text;
  if (part === null) $("progress").removeAttribute("value");
  else $("progress").value = part;
}

function setBusy(busy) {
  $("convert").disabled = busy;
  $("cancel").hidden = !busy;
  if (!busy) $("progress-section").hidden = true;
}

function end() {
  stopFollowing?.();
  stopFollowing = abortUpload = current = null;
  setBusy(false);
}

function fail(error) {
  end();
  if (error.status === 401) askForToken();
  else showError(error.title && error.title !== error.message ? `${error.title}: ${error.message}` : error.message);
}

function showResult(job) {
  $("verdict").textContent = words.verdict(job);
  $("times").replaceChildren(...words.timeRows(job).map(([what, long]) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    const cell = document.createElement("td");
    head.scope = "row";
    head.textContent = what;
    cell.className = "number";
    cell.textContent = long;
    row.append(head, cell);
    return row;
  }));
  $("download").href = job.links.result;
  $("report").href = job.links.report;
  $("picture-before").src = `${job.links.preview}?of=original&size=1024`;
  $("picture-after").src = `${job.links.preview}?of=result&size=1024`;
  $("caption-before").textContent = `${job.name}: ${words.picture(job.input)}`;
  $("caption-after").textContent = words.picture(job.output);
  $("result").hidden = false;
  $("result-title").focus();
}

async function ended(url) {
  try {
    const job = await api.job(url);
    end();
    if (job.state === "done") showResult(job);
    else showError(words.failure(job));
  } catch (error) {
    fail(error);
  }
}

async function changed(kind, data, url) {
  if (["done", "failed", "cancelled", "removed", "expired", "closed"].includes(kind)) {
    await ended(url);
    return;
  }
  const rows = data.total_rows > 0 ? data.done_rows / data.total_rows : null;
  if (kind === "progress") showProgress("Converting", rows);
  else if (kind === "retry") showProgress("Once more", null);
  else showProgress(words.stateText({state: "queued", ...data}), null);
}

async function convert() {
  const file = $("file").files[0];
  const options = {};
  for (const name of ["method", "format", "ranks"]) {
    if ($(name).value) options[name] = $(name).value;
  }
  if ($("compare").checked) options.compare = "true";
  $("error").hidden = true;
  $("result").hidden = true;
  setBusy(true);
  showProgress("Sending", 0);
  try {
    const upload = api.submit(file, options, (sent, total) => {
      showProgress(`Sending: ${words.size(sent)} of ${words.size(total)}`, total ? sent / total : null);
    });
    abortUpload = upload.abort;
    const job = await upload.promise;
    abortUpload = null;
    current = job;
    showProgress(words.stateText(job), null);
    stopFollowing = api.follow(job.links.events, (kind, data) => changed(kind, data, job.links.self));
  } catch (error) {
    fail(error);
  }
}

async function cancel() {
  if (abortUpload) {
    abortUpload();
  } else if (current) {
    try {
      await api.cancel(current.links.self);
    } catch (error) {
      fail(error);
    }
  }
}

function askForToken() {
  $("token-form").hidden = false;
  $("image-form").hidden = true;
  $("token").focus();
}

async function giveToken() {
  $("token-error").textContent = "";
  try {
    await api.openSession($("token").value);
    $("token").value = "";
    $("token-form").hidden = true;
    $("image-form").hidden = false;
    $("file").focus();
  } catch (error) {
    $("token-error").textContent = error.message;
    $("token").select();
  }
}

$("image-form").addEventListener("submit", (event) => {
  event.preventDefault();
  convert();
});
$("cancel").addEventListener("click", cancel);
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  giveToken();
});
api.letIn().then((allowed) => allowed || askForToken(), () => {});
