// The history of conversions: a table that can be searched and ordered, a chart of speed-up, and exports.

import {el, svg} from "../dom.js";
import {linear, logDomain, logTicks, logarithmic, shortPixels, ticks} from "../logic/chart.js";
import * as logic from "../logic/history.js";
import {dateText, duration} from "../logic/words.js";

const PAGE = 500;
const AT_ONCE = 2000;  // rows asked for before "Load older ones" must be pressed
const DRAWN = 200;
const POINTS = 400;
const STATES = {done: "Done", failed: "Failed", cancelled: "Cancelled", running: "Converting", queued: "Waiting"};
const ARROWS = {ascending: "▲", descending: "▼"};

// Shapes of equal area, so that no format looks more important than another.
const SHAPES = {
  png: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", jpeg: "M-4.5 -4.5h9v9h-9z", bmp: "M0 -6L6 5H-6z",
  pgm: "M0 -6.5L6.5 0L0 6.5L-6.5 0z",
};
const EVEN = "as fast as one process";
const shape = (format) => SHAPES[format] ?? "M-5 -5L5 5M5 -5L-5 5";

const ms = (value) => value === null || value === undefined ? "–" : duration(value * 1e6);
const CELLS = {
  created: (row) => dateText(row.created),
  state: (row) => STATES[row.state] ?? row.state,
  out_format: (row) => [row.in_format, row.out_format].filter(Boolean).join(" → ").toUpperCase() || "–",
  pixels: (row) => row.pixels ? shortPixels(row.pixels) : "–",
  ranks: (row) => row.ranks ?? "–",
  parallel_ms: (row) => ms(row.parallel_ms),
  sequential_ms: (row) => ms(row.sequential_ms),
  speedup: (row) => row.speedup ? `${row.speedup.toFixed(2)} ×` : "–",
  efficiency: (row) => row.efficiency ? `${Math.round(100 * row.efficiency)} %` : "–",
};

const pointText = (row) => `${row.name}: ${CELLS.speedup(row)} with ${row.ranks} processes `
  + `(${ms(row.parallel_ms)} against ${ms(row.sequential_ms)}), ${CELLS.pixels(row)}, ${CELLS.out_format(row)}`;

function drawChart(rows, width, onOpen, onPoint) {
  const height = width < 480 ? 230 : 280;
  const box = {left: 44, right: width - 20, top: 12, bottom: height - 40};
  const domain = logDomain(rows.map((row) => row.pixels));
  const marks = ticks(Math.max(1.2, ...rows.map((row) => row.speedup)), 5);
  const x = logarithmic(domain, [box.left + 8, box.right - 8]);
  const y = linear([0, marks.at(-1)], [box.bottom, box.top]);
  const line = (kind, x1, y1, x2, y2) => svg("line", {class: kind, x1, y1, x2, y2});
  const label = (at, text, props) => svg("text", {x: at[0], y: at[1], text, ...props});
  const points = rows.map((row, i) => svg("path", {class: `point ${row.speedup < 1 ? "slower" : ""}`,
    d: shape(row.out_format), transform: `translate(${x(row.pixels).toFixed(1)} ${y(row.speedup).toFixed(1)})`,
    tabindex: i ? -1 : 0, role: "button", "aria-label": `Open ${pointText(row)}`, dataset: {point: row.id},
    on: {click: () => onOpen(row.id), focus: () => onPoint(row), pointerenter: () => onPoint(row),
      keydown: (event) => {
        const step = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
        if (event.key === "Enter" || event.key === " ") onOpen(row.id);
        else if (!step) return;
        const next = points[i + (step ?? 0)];
        if (step && next) {
          points[i].setAttribute("tabindex", -1);
          next.setAttribute("tabindex", 0);
          next.focus();
        }
        event.preventDefault();
      }}}));
  return svg("svg", {class: "scatter", width, height, viewBox: `0 0 ${width} ${height}`, role: "group",
    "aria-label": "Speed-up against pixels. Arrow keys go from picture to picture."},
  marks.flatMap((mark) => [line("grid", box.left, y(mark), box.right, y(mark)),
    label([box.left - 8, y(mark) + 4], `${mark}×`, {"text-anchor": "end"})]),
  logTicks(domain).flatMap((tick) => [line("grid", x(tick), box.top, x(tick), box.bottom),
    label([x(tick), box.bottom + 16], shortPixels(tick), {"text-anchor": "middle"})]),
  line("even", box.left, y(1), box.right, y(1)),
  label([(box.left + box.right) / 2, height - 6], "Pixels of the picture (log scale)", {"text-anchor": "middle"}),
  points, width < 480 ? null : label([box.right - 4, y(1) - 5], EVEN, {"text-anchor": "end", class: "even-label"}));
}

export function mountHistory(root, {api, onOpen}) {
  let rows = [];
  let next = null;
  let order = {key: "created", direction: "descending"};
  let drawn = DRAWN;
  let problem = "";
  let loaded = false;
  let busy = null;
  const chosen = {text: "", state: "", format: ""};

  const choose = (key) => (event) => {
    chosen[key] = event.target.value;
    drawn = DRAWN;
    show();
  };
  const text = el("input", {type: "search", placeholder: "Name, method, format", on: {input: choose("text")}});
  const state = el("select", {on: {change: choose("state")}});
  const format = el("select", {on: {change: choose("format")}});
  const sortBy = el("select", {on: {change: () => {
    const [key, direction] = sortBy.value.split(" ");
    order = {key, direction};
    show();
  }}}, logic.COLUMNS.flatMap((column) => logic.directions(column.key).map(([direction, words]) =>
    el("option", {value: `${column.key} ${direction}`, text: `${column.label}, ${words}`}))));
  const field = (label, control, kind = "") =>
    el("label", {class: `field ${kind}`}, el("span", {text: label}), control);

  const count = el("p", {class: "soft", role: "status"});
  const heads = logic.COLUMNS.map((column) => el("th", {scope: "col", role: "columnheader",
    class: column.text ? "" : "num"}, el("button", {type: "button", class: "sort", on: {click: () => {
    order = logic.nextOrder(order, column.key);
    show();
  }}}, el("span", {text: column.label}), el("span", {class: "arrow", "aria-hidden": "true"}))));
  const none = el("p", {text: "No conversion matches. Change the search or the filters to see more."});
  const body = el("tbody", {role: "rowgroup"});
  const table = el("table", {class: "figures history-table", role: "table"},
    el("caption", {class: "visually-hidden", text: "Past conversions. The buttons in the head set the order."}),
    el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, heads)), body);
  const more = el("button", {type: "button", class: "button quiet", text: "Show more", on: {click: () => {
    drawn += DRAWN;
    show();
  }}});
  const older = el("button", {type: "button", class: "button quiet", text: "Load older ones", on: {click: () =>
    load(rows.length + AT_ONCE)}});
  const chart = el("div", {class: "chart"});
  const pointed = el("p", {class: "soft pointed"});
  const shapes = el("ul", {class: "legend shapes"});
  const told = el("p", {class: "history-summary"});
  const chartPart = el("section", {class: "panel"}, el("h3", {text: "Speed-up by size of picture"}), told, chart,
    pointed, shapes);
  const empty = el("div", {class: "panel history-empty"});
  const exports = el("div", {class: "row"}, ["csv", "json"].map((kind) => el("a", {class: "button quiet",
    href: api.statsHref(kind), download: `rgb2gray-history.${kind}`, text: `Save as ${kind.toUpperCase()}`})));
  const full = el("div", {class: "history-full", hidden: true}, chartPart,
    el("section", {class: "panel"},
      el("div", {class: "row filters"}, field("Search", text, "grow"), field("State", state),
        field("Output format", format), field("Order", sortBy, "phone-only")),
      el("div", {class: "row between"}, count, exports), el("div", {class: "scroll"}, table), none,
      el("div", {class: "row"}, more, older)));
  const box = el("div", {class: "history"}, empty, full);
  root.replaceChildren(box);

  function tableRow(row) {
    return el("tr", {role: "row", dataset: {state: row.state}},
      logic.COLUMNS.map((column) => column.key === "name"
        ? el("th", {scope: "row", role: "rowheader"}, el("button", {type: "button", class: "open", title: row.name,
          text: row.name, dataset: {open: row.id}, on: {click: () => onOpen(row.id)}}))
        : el("td", {role: "cell", class: column.text ? "word" : "num", dataset: {label: column.label, key: column.key},
          text: CELLS[column.key](row)})));
  }

  function fillChoices(select, any, values, name) {
    const held = select.value;
    select.replaceChildren(el("option", {value: "", text: any}),
      ...values.map((value) => el("option", {value, text: name(value)})));
    select.value = values.includes(held) ? held : "";
  }

  const point = (row) => {
    pointed.textContent = row ? pointText(row) : "Point at a mark, or go through them with the arrow keys, to read it.";
  };

  function showChart(found) {
    const held = logic.points(found).slice(-POINTS);
    told.textContent = logic.summary(found);
    const width = Math.floor(chart.clientWidth);
    for (const part of [chart, pointed, shapes]) part.hidden = !held.length;
    if (!held.length || width < 100) return;
    chart.replaceChildren(drawChart(held, width, onOpen, point));
    point(null);
    const key = (kind, d, words) => el("li", null, svg("svg", {width: 18, height: 18, viewBox: "-9 -9 18 18",
      "aria-hidden": "true"}, svg("path", {class: kind, d})), el("span", {text: words}));
    shapes.replaceChildren(
      ...logic.choices(held, "out_format").map((name) => key("point", shape(name), name.toUpperCase())),
      key("point slower", shape("png"), "outlined: slower than one process"), key("even", "M-9 0H9", EVEN));
  }

  // Rows are built anew, so what had the focus is found again by its row; the page must not jump.
  function show() {
    const focused = box.contains(document.activeElement) ? {...document.activeElement.dataset} : {};
    const [left, top] = [window.scrollX, window.scrollY];
    const found = logic.sort(logic.filter(rows, chosen), order.key, order.direction);
    full.hidden = !rows.length;
    empty.hidden = rows.length > 0 && !problem;
    empty.replaceChildren(...emptyText().map((line) => el("p", {text: line})));
    count.textContent = `${found.length === rows.length ? "" : `${found.length} of `}${rows.length} `
      + `${rows.length === 1 ? "conversion" : "conversions"}${next ? ", older ones not loaded" : ""}`;
    body.replaceChildren(...found.slice(0, drawn).map(tableRow));
    none.hidden = found.length > 0;
    table.hidden = chartPart.hidden = !none.hidden;
    more.hidden = found.length <= drawn;
    older.hidden = !next;
    heads.forEach((head, i) => {
      const on = logic.COLUMNS[i].key === order.key;
      if (on) head.setAttribute("aria-sort", order.direction);
      else head.removeAttribute("aria-sort");
      head.querySelector(".arrow").textContent = on ? ARROWS[order.direction] : "";
    });
    sortBy.value = `${order.key} ${order.direction}`;
    showChart(found);
    const kind = focused.open ? "open" : focused.point ? "point" : "";
    const again = kind && box.querySelector(`[data-${kind}="${CSS.escape(focused[kind])}"]`);
    if (again) again.focus({preventScroll: true});
    window.scrollTo(left, top);
  }

  function emptyText() {
    if (problem) return [problem];
    if (!loaded) return ["Loading the history …"];
    return ["No conversions yet.",
      "Each picture that you convert gets a row here: its times, and how several processes compared with one."];
  }

  // All pages up to `wanted` rows; the old rows stay in sight until the new ones are complete.
  async function read(wanted) {
    const all = [];
    let before;
    do {
      const page = await api.stats({limit: PAGE, before});
      all.push(...page.rows);
      before = page.next ?? null;
    } while (before !== null && all.length < wanted);
    rows = all;
    next = before;
  }

  function load(wanted) {
    busy ??= read(wanted).then(() => {
      problem = "";
    }, (failed) => {
      problem = failed.detail || failed.title || "The history could not be loaded.";
    }).then(() => {
      busy = null;
      loaded = true;
      if (!box.isConnected) return;
      fillChoices(state, "Any", logic.choices(rows, "state"), (name) => STATES[name] ?? name);
      fillChoices(format, "Any", logic.choices(rows, "out_format"), (name) => name.toUpperCase());
      [chosen.state, chosen.format] = [state.value, format.value];
      show();
    });
    return busy;
  }

  const resized = new ResizeObserver(() => showChart(logic.filter(rows, chosen)));
  resized.observe(box);
  show();
  load(AT_ONCE);
  return {
    refresh: () => load(Math.max(AT_ONCE, rows.length)),
    destroy() {
      resized.disconnect();
      root.replaceChildren();
    },
  };
}
