// Original and gray picture of a finished job, compared on canvases that zoom and pan in step.
// Only a preview and the visible tiles are ever decoded, so that a huge picture costs no more than a small one.
import { el, svg } from "../dom.js";
import { heights, histogram, summary } from "../logic/histogram.js";
import { TILE, TileCache, levelFor, tileKey, visibleTiles } from "../logic/tiles.js";
import { ZOOM_STEP, clamp, fit, keyStep, panBy, toPicture, zoomAbout } from "../logic/view.js";

const PREVIEW = 1024;
const AT_ONCE = 6;
const CACHE_NBYTES = 96 * 2 ** 20;
const MODES = [["slider", "Slider"], ["side", "Side by side"], ["original", "Original only"], ["result", "Gray only"]];
const NAMES = { original: "Original", result: "Gray" };

// deep: the picture has more than 8 bits a sample, which the tiles have not.
export function mountViewer(root, { job, api, deep }) {
  const life = new AbortController();
  const cache = new TileCache(CACHE_NBYTES);
  const loading = new Map();
  const failed = new Set();
  const images = { original: {}, result: {} };
  const pointers = new Map();
  let picture = { width: job.input?.width || 1, height: job.input?.height || 1 };
  let mode = "slider";
  let divider = 0.5;
  let view = null;
  let frame = 0;
  let cross = null;
  let logarithmic = false;
  let bins = null;
  const probe = el("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

  const button = (text, act) => el("button", { type: "button", class: "button quiet", text, on: { click: act } });
  const modeButtons = MODES.map(([name, text]) => {
    const made = button(text, () => setMode(name));
    made.setAttribute("role", "radio");
    return made;
  });
  const modeGroup = el("div", { class: "row", role: "radiogroup", "aria-label": "Comparison",
    on: { keydown: moveMode } }, modeButtons);
  const zoomText = el("output", { class: "mono", "aria-label": "Zoom" });
  const tools = el("div", { class: "row", role: "group", "aria-label": "Zoom" },
    button("Fit", () => setView(fit(pane(), picture))),
    button("1:1", () => zoom(1 / view.scale)),
    button("Zoom out", () => zoom(1 / ZOOM_STEP)), button("Zoom in", () => zoom(ZOOM_STEP)), zoomText);
  const panes = [0, 1].map(() => {
    const canvas = el("canvas", { tabindex: "0", role: "img" });
    return { canvas, context: canvas.getContext("2d"), label: el("span", { class: "viewer-label" }) };
  });
  const handle = el("div", { class: "viewer-divider", role: "slider", tabindex: "0", "aria-label": "Divider",
    "aria-valuemin": "0", "aria-valuemax": "100", "aria-orientation": "horizontal" });
  const boxes = panes.map((p, i) => el("div", { class: "viewer-pane" }, p.canvas, p.label, i === 0 && handle));
  const stage = el("div", { class: "viewer-stage" }, boxes);
  const note = el("p", { class: "soft", role: "status" });
  const values = el("p", { class: "mono viewer-values", text: "Point at the picture for values." });
  const spoken = el("p", { class: "visually-hidden", "aria-live": "polite" });
  const chart = el("div", { class: "viewer-histogram" });
  const scaleButton = button("Logarithmic", () => { logarithmic = !logarithmic; drawHistogram(); });
  const about = el("p", { class: "soft" });
  const box = el("section", { class: "viewer", "aria-label": "Picture viewer" },
    el("div", { class: "row viewer-bar" }, modeGroup, tools), stage, values, spoken, note,
    el("div", { class: "viewer-levels" }, el("div", { class: "row" }, el("h3", { text: "Gray levels" }), scaleButton),
      chart, about));
  root.append(box);

  const pane = () => ({ width: panes[0].canvas.width, height: panes[0].canvas.height });
  const shown = () => ({ slider: ["original", "result"], side: ["original", "result"] })[mode] ?? [mode];
  const ratio = () => window.devicePixelRatio || 1;

  function say(text) { if (note.textContent !== text) note.textContent = text; }
  function redraw() { if (!frame && !life.signal.aborted) frame = requestAnimationFrame(draw); }
  function setView(next) { view = next; redraw(); }
  function zoom(factor, point = { x: pane().width / 2, y: pane().height / 2 }) {
    setView(zoomAbout(view, point, factor, pane(), picture));
  }

  function setMode(name) {
    mode = name;
    modeButtons.forEach((b, i) => {
      b.setAttribute("aria-checked", String(MODES[i][0] === name));
      b.tabIndex = MODES[i][0] === name ? 0 : -1;
    });
    stage.dataset.mode = name;
    boxes[1].hidden = name !== "side";
    handle.hidden = name !== "slider";
    panes[0].label.textContent = name === "slider" ? "Original | Gray" : NAMES[shown()[0]];
    panes[1].label.textContent = NAMES.result;
    panes.forEach((p) => p.canvas.setAttribute("aria-label", `${p.label.textContent}: ${job.name}. ` +
      "Plus and minus zoom, 0 fits, 1 shows pixels, arrows pan, Shift with arrows moves the cross."));
    resize();
  }
  function moveMode(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (MODES.findIndex(([name]) => name === mode) + step + MODES.length) % MODES.length;
    setMode(MODES[next][0]);
    modeButtons[next].focus();
  }
  function setDivider(part) {
    divider = Math.min(1, Math.max(0, part));
    const percent = Math.round(divider * 100);
    handle.style.left = `${divider * 100}%`;
    handle.setAttribute("aria-valuenow", percent);
    handle.setAttribute("aria-valuetext", `Original ${percent} %, gray ${100 - percent} %`);
    redraw();
  }

  function resize() {
    const old = pane();
    const fitted = !view || Math.abs(view.scale - fit(old, picture).scale) < 1e-9;
    for (const { canvas } of panes) {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio()));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio()));
    }
    setView(fitted ? fit(pane(), picture) : clamp(view, pane(), picture));
  }

  // The view in the picture's own pixels: the original differs in size when the result was turned upright.
  function own(of) {
    const { meta } = images[of];
    const x = meta.width / picture.width;
    const y = meta.height / picture.height;
    return { x, y, view: { scale: view.scale / x, x: view.x * x, y: view.y * y },
      pane: { width: pane().width, height: pane().height * y / x } };
  }
  function wantsTiles(of) {
    const { preview } = images[of];
    return !preview || Math.max(picture.width, picture.height) <= PREVIEW || picture.width * view.scale > preview.width;
  }
  function drawImage(context, of) {
    const { preview, meta } = images[of];
    context.imageSmoothingEnabled = view.scale <= 1;
    const put = (bitmap, x, y, w, h) => context.drawImage(bitmap,
      (x - view.x) * view.scale, (y - view.y) * view.scale, w * view.scale, h * view.scale);
    if (preview) put(preview, 0, 0, picture.width, picture.height);
    if (!meta || !wantsTiles(of)) return;
    const mine = own(of);
    const tile = meta.tile || TILE;
    const level = levelFor(mine.view.scale, meta.levels.length);
    const half = 2 ** level;
    for (const t of visibleTiles(mine.view, mine.pane, meta, level, tile)) {
      const bitmap = cache.get(tileKey(of, t));
      if (bitmap) put(bitmap, t.column * tile * half / mine.x, t.row * tile * half / mine.y,
        bitmap.width * half / mine.x, bitmap.height * half / mine.y);
    }
  }
  function draw() {
    frame = 0;
    panes.forEach(({ canvas, context }, i) => {
      if (boxes[i].hidden) return;
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (mode === "slider") {
        drawImage(context, "result");
        context.save();
        context.beginPath();
        context.rect(0, 0, canvas.width * divider, canvas.height);
        context.clip();
        context.clearRect(0, 0, canvas.width, canvas.height);
        drawImage(context, "original");
        context.restore();
      } else drawImage(context, shown()[i]);
      if (cross) {
        const x = (cross.x + 0.5 - view.x) * view.scale;
        const y = (cross.y + 0.5 - view.y) * view.scale;
        context.strokeStyle = getComputedStyle(box).getPropertyValue("--accent");
        context.strokeRect(x - 8, y - 8, 16, 16);
      }
    });
    zoomText.textContent = `${(view.scale * 100).toFixed(view.scale < 0.1 ? 1 : 0)} %`;
    fetchTiles();
  }

  function fetchTiles() {
    const wanted = [];
    for (const of of shown()) {
      if (!wantsTiles(of)) continue;
      if (!images[of].meta) { askTiles(of); continue; }
      const { meta } = images[of];
      const mine = own(of);
      const level = levelFor(mine.view.scale, meta.levels.length);
      for (const t of visibleTiles(mine.view, mine.pane, meta, level, meta.tile || TILE)) {
        wanted.push([tileKey(of, t), of, t]);
      }
    }
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, control] of loading) if (!keys.has(key)) { control.abort(); loading.delete(key); }
    for (const [key, of, t] of wanted) {
      if (loading.size >= AT_ONCE) break;
      if (!cache.has(key) && !loading.has(key) && !failed.has(key)) loadTile(key, of, t);
    }
  }
  async function loadTile(key, of, t) {
    const control = new AbortController();
    loading.set(key, control);
    try {
      const bitmap = await api.bitmap(api.tileUrl(job, of, t.level, t.column, t.row), control.signal);
      if (control.signal.aborted) bitmap.close();
      else cache.put(key, bitmap);
    } catch {
      if (!control.signal.aborted) { failed.add(key); say("Some details could not be loaded; the preview is shown."); }
    }
    if (loading.get(key) === control) loading.delete(key);
    redraw();
  }
  async function askTiles(of) {
    if (images[of].asked) return;
    images[of].asked = true;
    say("Making tiles...");
    try {
      const meta = await api.tiles(job, of, life.signal);
      if (life.signal.aborted) return;
      images[of].meta = meta;
      if (of === "result") setPicture(meta.width, meta.height);
      if (note.textContent === "Making tiles...") say("");
      redraw();
    } catch {
      if (!life.signal.aborted) say("Tiles could not be made; the preview is shown.");
    }
  }
  function setPicture(width, height) {
    if (width === picture.width && height === picture.height) return;
    picture = { width, height };
    setView(fit(pane(), picture));
  }
  async function loadPreview(of) {
    try {
      const bitmap = await api.bitmap(api.previewUrl(job, of, PREVIEW), life.signal);
      if (life.signal.aborted) { bitmap.close(); return; }
      images[of].preview = bitmap;
      if (of === "result") {
        const turned = (bitmap.width > bitmap.height) !== (picture.width > picture.height);
        if (turned && bitmap.width !== bitmap.height) setPicture(picture.height, picture.width);
        countLevels(bitmap);
      }
      redraw();
    } catch {
      if (!life.signal.aborted) say(`${NAMES[of]}: no preview could be loaded.`);
    }
  }

  function colour(of, x, y) {
    const { meta, preview } = images[of];
    let from = preview;
    let exact = false;
    let px = preview && Math.floor((x + 0.5) * preview.width / picture.width);
    let py = preview && Math.floor((y + 0.5) * preview.height / picture.height);
    if (meta) {
      const tile = meta.tile || TILE;
      const fx = Math.floor((x + 0.5) * meta.width / picture.width);
      const fy = Math.floor((y + 0.5) * meta.height / picture.height);
      const t = { level: 0, column: Math.floor(fx / tile), row: Math.floor(fy / tile) };
      const bitmap = cache.get(tileKey(of, t));
      if (bitmap) { from = bitmap; exact = true; px = fx % tile; py = fy % tile; }
    }
    if (!from) return null;
    probe.clearRect(0, 0, 1, 1);
    probe.drawImage(from, px, py, 1, 1, 0, 0, 1, 1);
    return { rgb: [...probe.getImageData(0, 0, 1, 1).data], exact };
  }
  function showValues(point, aloud) {
    const x = Math.floor(point.x);
    const y = Math.floor(point.y);
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
    const a = colour("original", x, y);
    const b = colour("result", x, y);
    const exact = a?.exact && b?.exact;
    values.textContent = `x ${x}  y ${y}` + (a ? `  R ${a.rgb[0]} G ${a.rgb[1]} B ${a.rgb[2]}` : "") +
      (b ? `  gray ${b.rgb[0]}` : "") + (!exact ? "  (approximate; zoom in for exact values)"
      : deep ? "  (scaled from 16 to 8 bits)" : "");
    if (aloud) spoken.textContent = values.textContent;
  }

  function countLevels(bitmap) {
    const canvas = el("canvas", { width: bitmap.width, height: bitmap.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bins = histogram(context.getImageData(0, 0, bitmap.width, bitmap.height).data);
    canvas.width = 0;
    const s = summary(bins);
    about.textContent = `Of a preview of ${bitmap.width} x ${bitmap.height} pixels: ` +
      `min ${s.min}, median ${s.median}, ` +
      `max ${s.max}, mean ${s.mean.toFixed(1)}; ${(s.black * 100).toFixed(1)} % black, ` +
      `${(s.white * 100).toFixed(1)} % white.`;
    drawHistogram();
  }
  function drawHistogram() {
    scaleButton.setAttribute("aria-pressed", String(logarithmic));
    if (!bins) return;
    const path = heights(bins, logarithmic).map((h, i) => `M${i} 64h1v${(-64 * h).toFixed(2)}h-1z`).join("");
    chart.replaceChildren(svg("svg", { viewBox: "0 0 256 64", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("path", { d: path })));
  }

  function at(event) {
    const edge = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - edge.left) * ratio(), y: (event.clientY - edge.top) * ratio() };
  }
  function lift(event) { pointers.delete(event.pointerId); }
  function move(event) {
    const point = at(event);
    const before = pointers.get(event.pointerId);
    if (before) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, point);
      if (other) {
        const far = (p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
        zoom(far(point) / far(before), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
      }
      const share = other ? 0.5 : 1;
      setView(panBy(view, (point.x - before.x) * share, (point.y - before.y) * share, pane(), picture));
    }
    showValues(toPicture(view, point), false);
  }
  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.shiftKey && step) {
      const start = cross ?? toPicture(view, { x: pane().width / 2, y: pane().height / 2 });
      const by = Math.max(1, Math.round(1 / view.scale));
      cross = { x: Math.min(picture.width - 1, Math.max(0, Math.floor(start.x) + step[0] * by)),
        y: Math.min(picture.height - 1, Math.max(0, Math.floor(start.y) + step[1] * by)) };
      showValues(cross, true);
      redraw();
    } else {
      const next = keyStep(event.key, view, pane(), picture);
      if (!next) return;
      setView(next);
    }
    event.preventDefault();
  }
  for (const { canvas } of panes) {
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : event.ctrlKey ? 0.01 : 0.002)), at(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
    });
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("keydown", key);
  }
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const edge = boxes[0].getBoundingClientRect();
    setDivider((event.clientX - edge.left) / edge.width);
  });
  handle.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: divider - 0.02, ArrowDown: divider - 0.02, ArrowRight: divider + 0.02,
      ArrowUp: divider + 0.02, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setDivider(to);
  });

  const watch = new ResizeObserver(resize);
  setMode("slider");
  setDivider(0.5);
  boxes.forEach((b) => watch.observe(b));
  loadPreview("original");
  loadPreview("result");

  return {
    destroy() {
      life.abort();
      watch.disconnect();
      cancelAnimationFrame(frame);
      loading.forEach((control) => control.abort());
      loading.clear();
      cache.clear();
      Object.values(images).forEach(({ preview }) => preview?.close());
      box.remove();
    },
  };
}
