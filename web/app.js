// The page: puts its parts together and goes from one view to another.

import * as api from "./api.js";
import {el} from "./dom.js";
import * as settingsLogic from "./logic/settings.js";
import {HEAD_NBYTES, sniff} from "./logic/sniff.js";
import {ended} from "./logic/uploads.js";
import * as words from "./logic/words.js";
import {createStore} from "./store.js";
import {mountAccess} from "./views/access.js";
import {mountCards} from "./views/cards.js";
import {mountDrop} from "./views/drop.js";
import {mountSettings} from "./views/settings.js";
import {archive, save} from "./views/zip.js";

const KEY = "rgb2gray-settings";
const SMALL_PIXELS = 12e6; // what the browser itself decodes for a card; the server makes the others small

const $ = (id) => document.getElementById(id);
const declared = new WeakMap(); // card to what its file says of itself
const files = new WeakMap(); // card to its file, for a small picture of it
const store = createStore({api});
let server = null;
let settings = settingsLogic.clean(remembered());
let shown = null; // what is mounted in the result view
let history = null;
let zipping = null;

// ---- settings ----

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // none, or storage is forbidden
  }
}

function keepSettings(next) {
  settings = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // then they hold until the page is closed
  }
  showSettings();
}

function showSettings() {
  $("settings-line").textContent = `Now: ${settingsLogic.summary(settings, server)}`;
}

// ---- banner ----

const AWAY = "The server cannot be reached. Everything goes on by itself once it is back.";
let bannerTimer = null;

function banner(text, ms = 0) {
  clearTimeout(bannerTimer);
  $("banner").textContent = text;
  $("banner").hidden = !text;
  if (ms) bannerTimer = setTimeout(() => banner(isAway ? AWAY : ""), ms);
}

// ---- the server ----

let isAway = false;
let greeting = null; // the timer of the next try

async function greet() {
  clearTimeout(greeting);
  try {
    server = await api.server();
  } catch (error) {
    if (error.status === 401) showAccess(true);
    else away();
    return;
  }
  $("version").textContent = `Version ${server.version}`;
  settings = settingsLogic.clean(settings, server.max_ranks); // a link or another time may have asked for more
  showSettings();
  if (isAway) {
    isAway = false;
    banner("The server is back.", 5000);
  }
}

function away() {
  if (!isAway) banner(AWAY);
  isAway = true;
  clearTimeout(greeting);
  greeting = setTimeout(greet, 3000);
}

function showAccess(needed) {
  $("access").hidden = !needed;
  $("views").hidden = needed;
  if (needed) access.focus();
}

const access = mountAccess($("access"), {api, onLetIn() {
  showAccess(false);
  greet();
  route();
}});

// ---- files on their way in ----

// Why a file is not sent at all, or null.
function refusal(file, head) {
  if (!head) {
    return {type: "unsupported-image", title: "This is not an image that can be read here",
      detail: "PNG, JPEG, BMP, PPM, PGM and PAM are"};
  }
  if (server?.max_body_nbytes && file.size > server.max_body_nbytes) {
    return {type: "too-large", title: "The file is too large",
      detail: `It has ${words.size(file.size)}; this server takes ${words.size(server.max_body_nbytes)} at most`};
  }
  if (server?.max_pixels && head.width * head.height > server.max_pixels) {
    const [has, most] = [words.pixels(head.width, head.height), `${(server.max_pixels / 1e6).toFixed(0)} MP`];
    return {type: "too-many-pixels", title: "The image has too many pixels",
      detail: `It has ${has}; this server takes ${most} at most`};
  }
  return null;
}

async function headOf(file) {
  try {
    return sniff(new Uint8Array(await file.slice(0, HEAD_NBYTES).arrayBuffer()));
  } catch {
    return null;
  }
}

async function addFiles(chosen) {
  if (chosen.length === 0) return;
  location.hash = "#images";
  const options = settingsLogic.toOptions(settings);
  for (let i = 0; i < chosen.length; i += 32) {
    const some = chosen.slice(i, i + 32);
    const heads = await Promise.all(some.map(headOf));
    some.forEach((file, k) => {
      const problem = file.size > 0 ? refusal(file, heads[k]) : null;
      const card = problem ? store.refuse(file, problem) : store.add([file], options)[0];
      declared.set(card, heads[k]);
      files.set(card, file);
    });
  }
}

mountDrop(document, {onFiles: addFiles});

// ---- the list ----

const cards = mountCards($("cards"), {store, api, known: (card) => declared.get(card) ?? null, picture(card) {
  const head = declared.get(card);
  const fits = head?.width > 0 && head.width * head.height <= SMALL_PIXELS && head.format !== "pnm";
  return fits ? files.get(card) : null;
}});

const dialog = mountSettings($("settings"), {get: () => settings, set: keepSettings, server: () => server});
$("open-settings").addEventListener("click", () => dialog.open());

const tool = (text, click, look = "quiet") => el("button",
  {type: "button", class: `button ${look}`, text, on: {click}});
const tools = {
  zip: tool("Download all (zip)", downloadAll, ""),
  cancel: tool("Cancel all", () => all(atWork, store.cancel)),
  clear: tool("Remove ended", removeEnded),
};
$("tools").append(tools.zip, tools.cancel, tools.clear);

const atWork = (card) => !ended(card);
const done = () => store.cards.filter((card) => card.phase === "done");

function all(which, act) {
  for (const card of store.cards.filter(which)) act(card.key);
}

function removeEnded() {
  const results = done().length;
  const question = `This removes ${results} ${results === 1 ? "result" : "results"} from the server, too. Go on?`;
  if (results === 0 || confirm(question)) all(ended, store.remove);
}

async function downloadAll() {
  if (zipping) {
    zipping.abort();
    return;
  }
  const jobs = done().map((card) => card.job);
  zipping = new AbortController();
  try {
    const onProgress = (n) => { tools.zip.textContent = `Cancel the zip (${n} of ${jobs.length})`; };
    onProgress(0);
    const {blob, lost} = await archive(jobs, {api, signal: zipping.signal, onProgress});
    save(blob, "rgb2gray.zip");
    if (lost.length > 0) banner(`Not in the zip, as the server no longer has them: ${lost.join(", ")}`);
  } catch (error) {
    if (error.name !== "AbortError") banner(`The zip could not be made: ${error.message}`, 10000);
  }
  zipping = null;
  tools.zip.textContent = "Download all (zip)";
}

function count() {
  const counts = {};
  for (const card of store.cards) {
    const kind = card.phase === "done" ? "done" : ["failed", "refused"].includes(card.phase) ? "failed"
      : card.phase === "cancelled" ? "cancelled" : card.phase === "running" ? "running" : "waiting";
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  document.body.classList.toggle("has-cards", store.cards.length > 0);
  $("toolbar").hidden = store.cards.length === 0;
  const text = ["done", "running", "waiting", "failed", "cancelled"].filter((kind) => counts[kind])
    .map((kind) => `${counts[kind]} ${kind}`).join(", ");
  if ($("counts").textContent !== text) $("counts").textContent = text;
  tools.zip.hidden = !counts.done;
  tools.cancel.hidden = !store.cards.some(atWork);
  tools.clear.hidden = !store.cards.some(ended);
}

let counting = null;

store.on("change", (card) => {
  cards.update(card);
  // told twice a second at most, as it is read aloud too
  counting ??= setTimeout(() => {
    counting = null;
    count();
  }, card ? 500 : 0);
});
store.on("online", (online) => {
  if (!online) away();
  else if (isAway) greet();
});
store.on("token", (needed) => showAccess(needed));

// ---- views ----

async function showResult(id) {
  $("result").replaceChildren(el("p", {class: "soft", role: "status", text: "Opening"}));
  const {mountResult} = await import("./views/result.js");
  let job;
  try {
    job = store.cards.find((card) => card.job?.id === id && card.phase === "done")?.job ?? await api.job(id);
  } catch (error) {
    if (location.hash !== `#job/${id}`) return;
    const {title, detail, help} = words.failure({problem: error});
    $("result").replaceChildren(el("div", {class: "panel"}, el("p", {class: "error", text: title}),
      el("p", {text: detail}), el("p", {class: "soft", text: help}),
      el("a", {class: "button", href: "#images", text: "Back"})));
    return;
  }
  if (location.hash !== `#job/${id}`) return;
  const ids = done().map((card) => card.job.id).reverse();
  const at = ids.indexOf(id);
  const around = {previous: at > 0 ? ids[at - 1] : null, next: at >= 0 ? ids[at + 1] ?? null : null};
  shown = mountResult($("result"), {job, api, around});
}

async function showHistory() {
  $("history-title").focus({preventScroll: true});
  if (history) {
    history.refresh();
    return;
  }
  const {mountHistory} = await import("./views/history.js");
  history ??= mountHistory($("history-view"), {api, onOpen: (id) => { location.hash = `#job/${id}`; }});
}

function route() {
  const linked = settingsLogic.fromHash(location.hash, server?.max_ranks);
  if (linked) {
    keepSettings(linked);
    banner("These settings came with the link.", 8000);
    window.history.replaceState(null, "", "#images");
  }
  shown?.destroy();
  shown = null;
  const job = /^#job\/([0-9a-f]{32})$/.exec(location.hash)?.[1];
  const view = job ? "result" : location.hash === "#history" ? "history" : "images";
  for (const id of ["images", "result", "history"]) $(id).hidden = id !== view;
  for (const id of ["images", "history"]) {
    if (id === view) $(`to-${id}`).setAttribute("aria-current", "page");
    else $(`to-${id}`).removeAttribute("aria-current");
  }
  if (job) showResult(job);
  if (view === "history") showHistory();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && location.hash.startsWith("#job/") && !document.querySelector("dialog[open]")) {
    location.hash = "#images";
  }
});
window.addEventListener("hashchange", route);
showSettings();
count();
greet();
route();
