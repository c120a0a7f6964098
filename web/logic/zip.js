// A zip archive of files as they are (stored: gray images are compressed already), after PKWARE's APPNOTE 6.3, with the
// 64-bit fields where a size, a place or a count needs them. Pure.

const MOST32 = 0xffffffff;
const MOST16 = 0xffff;

const TABLE = Uint32Array.from({length: 256}, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

// The CRC-32 of what came before (0 at first) and these bytes.
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

// A name without folders or anything a file system stumbles over, and unlike all that are in `taken`, which it joins.
export function uniqueName(name, taken) {
  const plain = name.replace(/[\\/:*?"<>|\u0000-\u001f\u007f]/g, "_").replace(/^\.+/, "_").slice(-120) || "image";
  const dot = plain.lastIndexOf(".");
  const [stem, end] = dot > 0 ? [plain.slice(0, dot), plain.slice(dot)] : [plain, ""];
  let unique = plain;
  for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${stem}-${n}${end}`;
  taken.add(unique.toLowerCase());
  return unique;
}

// Fields of [bytes, value], little endian.
function fields(...list) {
  const bytes = new Uint8Array(list.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

function join(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function dosTime(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return [time, ((Math.max(1980, date.getFullYear()) - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate()];
}

// What local header and directory have in common. Bit 11: the name is UTF-8.
function common(entry, large, extra, name) {
  const [time, day] = dosTime(entry.date);
  const nbytes = entry.nbytes >= MOST32 ? MOST32 : entry.nbytes;
  return fields([2, large ? 45 : 20], [2, 0x800], [2, 0], [2, time], [2, day], [4, entry.crc], [4, nbytes], [4, nbytes],
    [2, name.length], [2, extra.length]);
}

// Goes before a file's bytes. entry: {name, nbytes, crc, date}.
export function localHeader(entry) {
  const name = new TextEncoder().encode(entry.name);
  const large = entry.nbytes >= MOST32;
  const extra = large ? fields([2, 1], [2, 16], [8, entry.nbytes], [8, entry.nbytes]) : new Uint8Array();
  return join(fields([4, 0x04034b50]), common(entry, large, extra, name), name, extra);
}

function directoryEntry(entry) {
  const name = new TextEncoder().encode(entry.name);
  const wide = [];
  if (entry.nbytes >= MOST32) wide.push([8, entry.nbytes], [8, entry.nbytes]);
  if (entry.at >= MOST32) wide.push([8, entry.at]);
  const extra = wide.length > 0 ? fields([2, 1], [2, 8 * wide.length], ...wide) : new Uint8Array();
  return join(fields([4, 0x02014b50], [2, 45]), common(entry, wide.length > 0, extra, name),
    fields([2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(entry.at, MOST32)]), name, extra);
}

// Goes behind the last file. Each entry has `at` too: where its local header begins. `end`: where the last file ends.
export function directory(entries, end) {
  const body = join(...entries.map(directoryEntry));
  const count = entries.length;
  const wide = count >= MOST16 || end >= MOST32 || body.length >= MOST32;
  const more = wide ? fields([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count],
    [8, body.length], [8, end], [4, 0x07064b50], [4, 0], [8, end + body.length], [4, 1]) : new Uint8Array();
  const short = Math.min(count, MOST16);
  return join(body, more, fields([4, 0x06054b50], [2, 0], [2, 0], [2, short], [2, short],
    [4, Math.min(body.length, MOST32)], [4, Math.min(end, MOST32)], [2, 0]));
}
