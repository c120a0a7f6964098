// Which tiles of a pyramid a view needs, and a cache that holds no more than a given number of bytes.

export const TILE = 512;

// The coarsest level that still has a pixel for every pane pixel; level 0 is the full picture.
export function levelFor(scale, levels) {
  const level = Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.min(Math.max(level, 0), levels - 1);
}

export function levelSize(picture, level) {
  const half = 2 ** level;
  return { width: Math.ceil(picture.width / half), height: Math.ceil(picture.height / half) };
}

// Tiles that touch the pane, nearest to its middle first.
export function visibleTiles(view, pane, picture, level, tile = TILE) {
  const size = levelSize(picture, level);
  const span = tile * 2 ** level;
  const right = view.x + pane.width / view.scale;
  const bottom = view.y + pane.height / view.scale;
  const last = { column: Math.ceil(size.width / tile) - 1, row: Math.ceil(size.height / tile) - 1 };
  const found = [];
  for (let row = Math.max(0, Math.floor(view.y / span)); row <= last.row && row * span < bottom; row++) {
    const first = Math.max(0, Math.floor(view.x / span));
    for (let column = first; column <= last.column && column * span < right; column++) {
      found.push({ level, column, row });
    }
  }
  const middle = { x: (view.x + right) / 2 / span - 0.5, y: (view.y + bottom) / 2 / span - 0.5 };
  const far = (t) => (t.column - middle.x) ** 2 + (t.row - middle.y) ** 2;
  return found.sort((a, b) => far(a) - far(b));
}

export function tileKey(of, t) {
  return `${of}/${t.level}/${t.column}/${t.row}`;
}

export class TileCache {
  #held = new Map();
  #limit;

  constructor(limit) {
    this.#limit = limit;
    this.nbytes = 0;
  }

  get size() { return this.#held.size; }

  has(key) { return this.#held.has(key); }

  get(key) {
    const entry = this.#held.get(key);
    if (!entry) return null;
    this.#held.delete(key);
    this.#held.set(key, entry);
    return entry.bitmap;
  }

  put(key, bitmap) {
    this.#drop(key);
    const nbytes = bitmap.width * bitmap.height * 4;
    this.#held.set(key, { bitmap, nbytes });
    this.nbytes += nbytes;
    // The newest stays even when it alone is over the limit: it is about to be drawn.
    while (this.nbytes > this.#limit && this.#held.size > 1) this.#drop(this.#held.keys().next().value);
  }

  clear() {
    for (const key of [...this.#held.keys()]) this.#drop(key);
  }

  #drop(key) {
    const entry = this.#held.get(key);
    if (!entry) return;
    this.#held.delete(key);
    this.nbytes -= entry.nbytes;
    entry.bitmap.close();
  }
}
