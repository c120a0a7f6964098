// The dialogue in which conversions are set up.

import {el} from "../dom.js";
import * as logic from "../logic/settings.js";

// get() and set(settings) keep the settings; server() is what the server said of itself, or null.
export function mountSettings(dialog, {get, set, server}) {
  function draw() {
    const settings = get();
    const limits = server();
    const methods = limits?.methods ?? logic.WORDS.method.map((name) => ({name})); // formulas are the server's to tell
    const choice = (id, options) => {
      const select = el("select", {id}, options.map(([value, text]) => el("option", {value, text})));
      select.value = settings[id];
      return select;
    };
    const usual = methods[0];
    const method = choice("method", methods.map(({name}) => [name === usual.name ? "" : name,
      name === usual.name ? `${logic.methodName(name)} (usual)` : logic.methodName(name)]));
    const formula = el("p", {class: "mono small", id: "formula"});
    const format = choice("format", [["", "Same as the image"], ...(limits?.formats ?? logic.WORDS.format)
      .map((name) => [name, name.toUpperCase()])]);
    const number = (id, max, placeholder) => el("input",
      {id, type: "number", min: 1, max, placeholder, value: settings[id]});
    const quality = number("quality", 100, "usual");
    const compression = choice("compression",
      [["", "Default"], ["fast", "Fast, larger file"], ["small", "Small, slower"]]);
    const ranks = number("ranks", limits?.max_ranks ?? 65535, limits ? `${limits.ranks} (usual)` : "usual");
    const compare = el("input", {id: "compare", type: "checkbox"});
    compare.checked = settings.compare === "on";
    const said = el("p", {role: "status", class: "small"});
    const field = (text, control, ...more) => el("div", {class: "field"},
      el("label", {for: control.id, text}), control, ...more);
    const fields = {quality: field("JPEG quality", quality), compression: field("PNG compression", compression)};

    const read = () => logic.clean({method: method.value, format: format.value, quality: quality.value,
      compression: compression.value, ranks: ranks.value, compare: compare.checked ? "on" : "off"}, limits?.max_ranks);
    const show = () => {
      const told = methods.find(({name}) => name === (method.value || usual.name)).formula;
      formula.textContent = told ? `gray = ${told}` : "";
      fields.quality.hidden = format.value !== "jpeg";
      fields.compression.hidden = format.value !== "png";
    };
    const link = async () => {
      const url = `${location.origin}${location.pathname}${logic.toHash(read())}`;
      try {
        await navigator.clipboard.writeText(url);
        said.textContent = "The link is copied. It opens this page with these settings.";
      } catch {
        said.textContent = url;
      }
    };
    const form = el("form", {method: "dialog", on: {change: show, submit: () => set(read())}},
      el("h2", {id: "settings-title", text: "Settings"}),
      el("p", {class: "soft small", text: "For the images that you add from now on. Remembered in this browser."}),
      el("div", {class: "settings-grid"},
        el("div", {class: "field wide"}, el("label", {for: "method", text: "How gray is made"}), method, formula),
        field("Format of the result", format), fields.quality, fields.compression,
        field("Ranks (processes)", ranks,
          limits && el("p", {class: "soft small", text: `At most ${limits.max_ranks} here`})),
        el("div", {class: "row wide"}, compare,
          el("label", {for: "compare", text: "Also measure one process alone, to compare"}))),
      el("div", {class: "row between"},
        el("div", {class: "row"},
          el("button", {type: "button", class: "button quiet", text: "Copy link", on: {click: link}}),
          el("button", {type: "button", class: "button quiet", text: "Reset", on: {click: () => {
            set({...logic.DEFAULTS});
            draw();
          }}})),
        el("div", {class: "row"},
          el("button", {type: "button", class: "button", text: "Cancel", on: {click: () => dialog.close()}}),
          el("button", {class: "button primary", text: "Save"}))), said);
    dialog.replaceChildren(form);
    show();
  }
  return {
    open() {
      draw();
      dialog.showModal();
    },
  };
}
