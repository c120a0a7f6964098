// Where a picture lies in a pane: scale in pane pixels per picture pixel,
// x and y of the pane's top left in the picture.

export const MAX_SCALE = 32;
export const ZOOM_STEP = 1.25;

export function fitScale(pane, picture) {
  if (pane.width <= 0 || pane.height <= 0) return 1;
  return Math.min(pane.width / picture.width, pane.height / picture.height);
}

function clampAxis(offset, pane, picture, scale) {
  const seen = pane / scale;
  if (seen >= picture) return (picture - seen) / 2;
  return Math.min(Math.max(offset, 0), picture - seen);
}

export function clamp(view, pane, picture) {
  const least = Math.min(1, fitScale(pane, picture));
  const scale = Math.min(Math.max(view.scale, least), Math.max(MAX_SCALE, least));
  return {
    scale,
    x: clampAxis(view.x, pane.width, picture.width, scale),
    y: clampAxis(view.y, pane.height, picture.height, scale),
  };
}

export function fit(pane, picture) {
  return clamp({ scale: fitScale(pane, picture), x: 0, y: 0 }, pane, picture);
}

// The picture's point under `point` (pane pixels) stays under it.
export function zoomAbout(view, point, factor, pane, picture) {
  const { scale } = clamp({ ...view, scale: view.scale * factor }, pane, picture);
  const x = view.x + point.x / view.scale - point.x / scale;
  const y = view.y + point.y / view.scale - point.y / scale;
  return clamp({ scale, x, y }, pane, picture);
}

export function panBy(view, dx, dy, pane, picture) {
  return clamp({ scale: view.scale, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, pane, picture);
}

export function toPicture(view, point) {
  return { x: view.x + point.x / view.scale, y: view.y + point.y / view.scale };
}

// What a key on the focused canvas does; null leaves the key to the browser.
export function keyStep(key, view, pane, picture) {
  const middle = { x: pane.width / 2, y: pane.height / 2 };
  const step = Math.max(1, Math.min(pane.width, pane.height) / 8);
  switch (key) {
    case "+": case "=": return zoomAbout(view, middle, ZOOM_STEP, pane, picture);
    case "-": return zoomAbout(view, middle, 1 / ZOOM_STEP, pane, picture);
    case "0": return fit(pane, picture);
    case "1": return zoomAbout(view, middle, 1 / view.scale, pane, picture);
    case "ArrowLeft": return panBy(view, step, 0, pane, picture);
    case "ArrowRight": return panBy(view, -step, 0, pane, picture);
    case "ArrowUp": return panBy(view, 0, step, pane, picture);
    case "ArrowDown": return panBy(view, 0, -step, pane, picture);
    default: return null;
  }
}
