// One job that has ended well: both pictures, the files, and what the work cost.

import {el} from "../dom.js";
import * as words from "../logic/words.js";

// `around`: ids of the results before and after this one, or null.
export function mountResult(root, {job, api, around}) {
  const box = el("div");
  const mounted = [];
  let alive = true;
  const heading = el("h2", {tabindex: "-1", text: job.name});
  const link = (text, href, props = {}) => el("a", {class: "button", href, text, ...props});
  const pictures = el("div", {class: "result-part"});
  const figures = el("section", {class: "result-part", "aria-labelledby": "performance-title"});
  const title = el("h2", {id: "performance-title", tabindex: "-1", text: "Performance"});
  const toFigures = el("button", {type: "button", class: "button quiet", text: "Performance", on: {click: () => {
    title.focus({preventScroll: true});
    title.scrollIntoView();
  }}});
  const neighbour = (text, id) => id && link(text, `#job/${id}`, {class: "button quiet"});
  root.replaceChildren(box);
  box.append(
    el("div", {class: "row between result-head"},
      el("div", {class: "row"}, link("Back", "#images", {class: "button quiet"}),
        neighbour("Previous", around.previous), neighbour("Next", around.next)),
      el("div", {class: "row"}, job.state === "done" && [toFigures,
        link("Report", api.reportUrl(job), {download: "", class: "button quiet"}),
        link("Download", api.resultUrl(job), {download: "", class: "button primary"})])),
    heading, el("p", {class: "soft", text: [words.picture(job.input ?? {}),
      job.output && `gray ${words.picture(job.output)}`].filter(Boolean).join(" → ")}), pictures);
  heading.focus({preventScroll: true});
  window.scrollTo(0, 0);
  if (job.state !== "done") {
    const {title: what, detail, help} = words.failure(job);
    pictures.append(el("div", {class: "panel"}, el("p", {class: "error", text: what}), el("p", {text: detail}),
      el("p", {class: "soft", text: help})));
  } else {
    fill().catch((error) => {
      if (alive) pictures.append(el("p", {class: "error", text: `${error.message} Load the page anew.`}));
    });
  }

  async function fill() {
    const [{mountViewer}, {mountPerformance}, report] = await Promise.all([
      import("./viewer.js"), import("./performance.js"), api.report(job).catch(() => null)]);
    if (!alive) return; // another view was asked for meanwhile
    const place = el("div");
    figures.append(title, place);
    box.append(figures);
    const deep = report?.input?.maxval > 255;
    mounted.push(mountViewer(pictures, {job, api, deep}), mountPerformance(place, {job, report}));
  }

  return {
    destroy() {
      alive = false;
      for (const one of mounted) one.destroy();
      box.remove();
    },
  };
}
