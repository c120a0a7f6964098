// The list of images: a card each, which follows what becomes of it.

import {el} from "../dom.js";
import * as words from "../logic/words.js";
import {ended} from "../logic/uploads.js";

const MARKS = {waiting: "○", uploading: "↑", paused: "‖", "needs-file": "?", queued: "…", running: "●",
  done: "✓", failed: "✕", refused: "✕", cancelled: "–"};
const THUMB = 144;

// The card's second line, from what is known so far.
function about(card, known) {
  const input = card.job?.input ?? known ?? {};
  return [input.format?.toUpperCase(), input.width ? `${input.width} × ${input.height}` : "", words.size(card.nbytes)]
    .filter(Boolean).join(" · ");
}

function outcome(card) {
  const times = card.job?.times;
  if (card.phase !== "done" || !times) return "";
  const took = words.duration(times.parallel_ns);
  if (!(times.speedup > 0)) return ` · ${took}`;
  return ` · ${took}, ${times.speedup.toFixed(2)} × the speed of one process`;
}

// known(card): {format, width, height} that its file declared, or null. picture(card): its File where it is small
// enough to be decoded here.
export function mountCards(list, {store, api, known, picture}) {
  const items = new Map();
  const unseen = new Map(); // thumb to card
  let drawing = Promise.resolve();

  const watcher = new IntersectionObserver((entries) => {
    for (const {isIntersecting, target} of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      const card = unseen.get(target);
      unseen.delete(target);
      // one after the other: a hundred decodings at once would stall the page
      drawing = drawing.then(() => drawThumb(card, target)).catch(() => {});
    }
  }, {rootMargin: "300px"});

  async function drawThumb(card, thumb) {
    const file = picture(card);
    if (!file || !items.has(card.key)) return;
    const {width, height} = known(card);
    const scale = Math.min(1, THUMB / Math.max(width, height));
    const bitmap = await createImageBitmap(file, {resizeWidth: Math.max(1, Math.round(width * scale)),
      resizeHeight: Math.max(1, Math.round(height * scale)), resizeQuality: "medium"});
    if (thumb.querySelector("img")) return;
    const canvas = el("canvas", {width: bitmap.width, height: bitmap.height});
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    thumb.replaceChildren(canvas);
  }

  function button(card, text, act, more = "") {
    return el("button", {type: "button", class: `button ${more}`, on: {click: act}}, text,
      el("span", {class: "visually-hidden", text: ` ${card.name}`}));
  }

  function actions(card) {
    const remove = () => button(card, "Remove", () => {
      const next = items.get(card.key).node.nextElementSibling ?? items.get(card.key).node.previousElementSibling;
      store.remove(card.key);
      (next?.querySelector("button, a, input") ?? document.getElementById("files")).focus();
    }, "quiet");
    switch (card.phase) {
    case "done": {
      const name = el("span", {class: "visually-hidden", text: ` ${card.name}`});
      return [el("a", {class: "button primary", href: `#job/${card.job.id}`}, "Open", name),
        el("a", {class: "button", href: api.resultUrl(card.job), download: ""}, "Download", name.cloneNode(true)),
        remove()];
    }
    case "failed":
    case "cancelled":
      return [button(card, "Try again", () => store.retry(card.key)), remove()];
    case "refused":
      return [remove()];
    case "needs-file":
      return [el("label", {class: "button file"}, "Choose it again",
        el("input", {type: "file", "aria-label": `Choose ${card.name} again`, on: {change: (event) => {
          if (event.target.files[0]) store.giveFile(card.key, event.target.files[0]);
        }}})), remove()];
    default:
      return [button(card, "Cancel", () => store.cancel(card.key))];
    }
  }

  function make(card) {
    const parts = {
      thumb: el("div", {class: "thumb", "aria-hidden": "true"}),
      about: el("p", {class: "soft small"}),
      state: el("p", {class: "card-state"}),
      bar: el("progress", {max: 1, "aria-label": `Progress of ${card.name}`}),
      help: el("p", {class: "card-help"}),
      buttons: el("div", {class: "row"}),
    };
    parts.node = el("li", {class: "card"}, parts.thumb,
      el("div", {class: "card-text"}, el("p", {class: "card-name", text: card.name}), parts.about, parts.state,
        parts.bar, parts.help), parts.buttons);
    items.set(card.key, parts);
    unseen.set(parts.thumb, card);
    watcher.observe(parts.thumb);
    draw(card);
    return parts.node;
  }

  function drawBar(card, bar) {
    bar.hidden = ended(card) || ["needs-file", "waiting"].includes(card.phase);
    const part = card.phase === "uploading" || card.phase === "paused" ? card.sent / card.nbytes
      : card.progress ? card.progress.done / card.progress.total : null;
    if (part === null) bar.removeAttribute("value");
    else bar.value = part;
  }

  function draw(card) {
    const parts = items.get(card.key);
    parts.about.textContent = about(card, known(card));
    parts.state.textContent = words.stateText(card) + outcome(card);
    parts.state.dataset.mark = MARKS[card.phase] ?? "";
    drawBar(card, parts.bar);
    const told = ["failed", "refused"].includes(card.phase) ? words.failure(card) : null;
    const lines = told ? [told.title, told.detail, told.help]
      : card.problem && !ended(card) ? [card.problem.detail || card.problem.title] : [];
    parts.help.textContent = lines.filter(Boolean)
      .map((line) => line[0].toUpperCase() + line.slice(1).replace(/\.?$/, ".")).join(" ");
    parts.help.hidden = lines.length === 0;
    if (parts.node.dataset.phase === card.phase) return;
    const focused = parts.buttons.contains(document.activeElement);
    parts.node.dataset.phase = card.phase;
    parts.buttons.replaceChildren(...actions(card));
    if (focused) parts.buttons.querySelector("button, a, input")?.focus();
    if (card.phase === "done") {
      parts.thumb.replaceChildren(el("img", {src: api.previewUrl(card.job, "result", 256), alt: "", loading: "lazy",
        width: THUMB / 2, height: THUMB / 2}));
    } else if (!parts.thumb.firstElementChild) {
      parts.thumb.textContent = (known(card)?.format ?? card.name.split(".").pop().slice(0, 4)).toUpperCase();
    }
  }

  function drawAll() {
    const keys = new Set(store.cards.map((card) => card.key));
    for (const [key, parts] of items) {
      if (keys.has(key)) continue;
      watcher.unobserve(parts.thumb);
      unseen.delete(parts.thumb);
      parts.node.remove();
      items.delete(key);
    }
    // newest first; only what is new is put in
    let before = list.firstElementChild;
    for (let i = store.cards.length - 1; i >= 0; i--) {
      const card = store.cards[i];
      const node = items.get(card.key)?.node ?? make(card);
      if (node === before) before = before.nextElementSibling;
      else list.insertBefore(node, before);
    }
  }

  return {
    update(card) {
      if (card && items.has(card.key)) draw(card);
      else drawAll();
    },
  };
}
