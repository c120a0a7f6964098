// The Performance tab of a job: how fast it was and why, drawn as inline SVG and told in words and tables.

import {el, svg} from "../dom.js";
import * as logic from "../logic/performance.js";
import {duration} from "../logic/words.js";

const BAR = 26;
const SHOWN = 12;  // ranks whose bars are in sight at once
let mounted = 0;  // keeps the ids of patterns apart, where two views are open

// A texture for each phase, so that no one needs to tell colours apart.
const TEXTURES = {
  read: "M0 8L8 0M-2 2L2 -2M6 10L10 6", scatter: "M0 4H8", convert: null, encode: "M0 0L8 8M-2 6L2 10M6 -2L10 2",
  gather: "M4 0V8", write: "M0 4H8M4 0V8", other: "M3 4h2",
};

function patterns(prefix) {
  return svg("defs", null, Object.entries(TEXTURES).map(([key, path]) =>
    svg("pattern", {id: `${prefix}-${key}`, width: 8, height: 8, patternUnits: "userSpaceOnUse"},
      svg("rect", {width: 8, height: 8, class: `phase-${key}`}),
      path ? svg("path", {d: path, class: "texture"}) : null)));
}

const percent = (share) => `${(100 * share).toFixed(3)}%`;

// Widths are shares, so that the drawing needs no measuring; text keeps its size at any width.
function barDrawing(bar, prefix) {
  const shown = bar.parts.filter((part) => part.share > 0);
  return svg("svg", {class: "bar", height: BAR + 18, "aria-hidden": "true"},
    patterns(prefix),
    shown.map((part) => svg("rect", {x: percent(part.start), width: percent(part.share), height: BAR, class: "part",
      fill: `url(#${prefix}-${part.key})`}, svg("title", {text: `${part.label}: ${duration(part.ns)}`}))),
    shown.filter((part) => part.share > 0.05).map((part) => svg("text", {x: percent(part.start + part.share / 2),
      y: BAR + 14, "text-anchor": "middle", text: part.share > 0.24 ? part.label : part.letter})));
}

function barRow(bar, prefix, index) {
  return el("div", {class: "bar-row"}, el("span", {class: "bar-name", text: bar.label}),
    barDrawing(bar, `${prefix}-${index}`));
}

function legend(bars, prefix) {
  const used = logic.PHASES.filter((phase) => bars.some((bar) => bar.parts.some((part) =>
    part.key === phase.key && part.ns > 0)));
  return el("ul", {class: "legend"}, used.map((phase) => el("li", null,
    svg("svg", {width: 18, height: 18, "aria-hidden": "true"}, patterns(`${prefix}-key-${phase.key}`),
      svg("rect", {width: 18, height: 18, class: "part", fill: `url(#${prefix}-key-${phase.key}-${phase.key})`})),
    el("span", null, el("b", {text: `${phase.letter} ${phase.label}`}), `: ${phase.words}`))));
}

function barTable(bars) {
  const head = ["", "Rows", ...logic.PHASES.map((phase) => phase.label), "Wall"];
  return el("details", null, el("summary", {text: "The same in numbers"}),
    el("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "Time in each phase"},
      el("table", {class: "figures"},
        el("caption", {class: "visually-hidden", text: "Time of each process in each phase"}),
        el("thead", null, el("tr", null, head.map((text, i) => el("th", {scope: "col", class: i ? "num" : "", text})))),
        el("tbody", null, bars.map((bar) => el("tr", null,
          el("th", {scope: "row", text: bar.label}), el("td", {class: "num", text: bar.rows}),
          bar.parts.map((part) => el("td", {class: "num", text: part.ns > 0 ? duration(part.ns) : "0"})),
          el("td", {class: "num", text: duration(bar.wall_ns)})))))));
}

function timePart(report, prefix) {
  const held = logic.bars(report);
  if (!held) return null;
  const all = [...held.parallel, ...held.sequential];
  const rows = held.parallel.map((bar, i) => barRow(bar, prefix, i));
  return el("section", {class: "panel"}, el("h3", {text: "Where the time went"}),
    el("p", {class: "soft", text: `The full width is ${duration(held.whole_ns)}. Each bar adds up what a process spent `
      + "on each kind of work in the median run. Parts stand in order of kind, not of time: the report has "
      + "sums, and a process may do each kind many times over."}),
    rows.slice(0, SHOWN),
    rows.length > SHOWN ? el("details", null, el("summary", {text: `The other ${rows.length - SHOWN} ranks`}),
      rows.slice(SHOWN)) : null,
    held.sequential.length ? el("div", {class: "bar-alone"},
      held.sequential.map((bar, i) => barRow(bar, prefix, held.parallel.length + i))) : null,
    legend(all, prefix), barTable(all));
}

function kernelPart(report) {
  const kernel = logic.kernel(report);
  if (!kernel) return null;
  const top = Math.max(...kernel.rows.map(([, gbs]) => gbs));
  return el("section", {class: "panel"}, el("h3", {text: "Gray against memory speed"}),
    kernel.rows.map(([label, gbs], i) => el("div", {class: "bar-row"}, el("span", {class: "bar-name", text: label}),
      el("div", {class: "row speed"},
        svg("svg", {class: "bar", height: 14, "aria-hidden": "true"},
          svg("rect", {width: percent(gbs / top), height: 14, class: i ? "copy" : "kernel"})),
        el("span", {class: "num", text: `${gbs.toFixed(1)} GB/s`})))),
    el("p", {text: kernel.text}));
}

const bullets = (lines) => el("ul", null, lines.map((text) => el("li", {text})));

function advicePart(job, report) {
  const found = logic.advice(job, report);
  if (!found) return null;
  return el("section", {class: "panel advice"}, el("h3", {text: found.title}), bullets(found.why),
    found.help.length ? [el("h4", {text: "What would help"}), bullets(found.help)] : null);
}

function factsPart(job, report) {
  const held = logic.facts(job, report);
  const items = logic.metadata(report);
  return el("section", {class: "panel"}, el("h3", {text: "How it was made"}),
    el("dl", {class: "facts"}, held.map((fact) => el("div", null,
      el("dt", {text: fact.label}), el("dd", {class: fact.mono ? "mono" : "", text: fact.value})))),
    report ? [el("h4", {text: "What else the file held"}), items.length
      ? el("ul", {class: "fates"}, items.map((one) => el("li", null, el("b", {text: one.fate}), ` ${one.item}`,
        one.why ? el("span", {class: "soft", text: `: ${one.why}`}) : null)))
      : el("p", {class: "soft", text: "Nothing but pixels: no colour profile, no EXIF data, no comments."})] : null);
}

export function mountPerformance(root, {job, report}) {
  const prefix = `phases-${++mounted}`;
  const head = logic.headline(job, report);
  root.replaceChildren(el("div", {class: "performance"},
    el("p", {class: `headline ${head.tone}`, text: head.text}),
    el("dl", {class: "key-figures"}, logic.figures(job, report).map((figure) => el("div", {class: figure.tone ?? ""},
      el("dt", {text: figure.label}), el("dd", null, el("b", {text: figure.value}),
        figure.note ? el("span", {class: "soft", text: figure.note}) : null)))),
    report ? null : el("p", {class: "soft", text: "There is no report of this job, so only its times are known."}),
    advicePart(job, report), timePart(report, prefix), kernelPart(report), factsPart(job, report)));
  return {destroy: () => root.replaceChildren()};
}
