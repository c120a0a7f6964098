// Looks over the page as it stands, and returns a list of faults in words: contrast, sizes of targets, ids, overflow.

const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const known = new Map();

// Any colour that CSS can name, as [r, g, b, a] of 0 to 255 and 0 to 1.
function colour(text) {
  if (!known.has(text)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(text, [r, g, b, a / 255]);
  }
  return known.get(text);
}

const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);

// What lies behind an element, or null where it is a picture.
function background(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const here = colour(style.backgroundColor);
    if (here[3] > 0) layers.push(here);
    if (here[3] === 1) break;
  }
  const canvasColour = colour(matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff");
  return layers.reverse().reduce((below, top) => over(top, below), canvasColour);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const visible = (element) => element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
const inert = (element) => element.closest(":disabled, [aria-disabled=true]") !== null;
const clipped = (rect) => rect.width <= 2 || rect.height <= 2;

function texts() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim();
    if (!words || element.closest("script, style, noscript, option, canvas")) continue;
    if (!visible(element) || inert(element)) continue;
    const box = element.closest(".visually-hidden") ?? element;
    if (clipped(box.getBoundingClientRect())) continue;
    found.push({element, words});
  }
  for (const element of document.querySelectorAll("select, input:not([type=checkbox], [type=radio], [type=range])")) {
    if (visible(element) && !inert(element) && !clipped(element.getBoundingClientRect()))
      found.push({element, words: element.value || element.placeholder || "(a field)"});
  }
  return found;
}

const name = (element) => `${element.localName}${element.id ? "#" + element.id : ""}`
  + `${[...element.classList].map((one) => "." + one).join("")}`;

function faults() {
  const list = [];
  for (const {element, words} of texts()) {
    const below = background(element);
    if (!below) continue;
    const style = getComputedStyle(element);
    const ink = over(colour(element instanceof SVGElement ? style.fill : style.color), below);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const found = contrast(ink, below);
    if (found < (large ? 3 : 4.5))
      list.push(`contrast ${found.toFixed(2)} of "${words.slice(0, 40)}" in ${name(element)}`);
  }
  const controls = "button, select, input, summary, a[href], [role=button], [role=tab]";
  for (const element of document.querySelectorAll(controls)) {
    if (!visible(element) || element instanceof SVGElement) continue;
    let box = element.getBoundingClientRect();
    if (clipped(box) || box.right < 0) continue;
    for (const label of element.labels ?? []) {
      const more = label.getBoundingClientRect();
      if (more.height > box.height) box = more;
    }
    const inText = element.localName === "a" && getComputedStyle(element).display === "inline";
    if (!inText && (box.width < 23.5 || box.height < 23.5))
      list.push(`target of ${box.width.toFixed(0)} x ${box.height.toFixed(0)}: ${name(element)} `
        + `"${element.textContent.slice(0, 30)}"`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((one, i) => ids.indexOf(one) !== i))) list.push(`two elements have the id ${id}`);
  for (const kind of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
    for (const element of document.querySelectorAll(`[${kind}]`)) {
      if (!visible(element)) continue;
      for (const id of element.getAttribute(kind).split(/\s+/))
        if (id && !document.getElementById(id))
          list.push(`${kind} of ${name(element)} names ${id}, which is not there`);
    }
  }
  let last = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    if (!visible(heading)) continue;
    const level = Number(heading.localName[1]);
    if (level > last + 1) list.push(`a heading ${level} after ${last}: "${heading.textContent.slice(0, 40)}"`);
    last = level;
  }
  const wide = document.scrollingElement.scrollWidth - innerWidth;
  if (wide > 0) list.push(`the page is ${wide} pixels wider than the window`);
  return list;
}

return faults();
