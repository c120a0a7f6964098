// What a file says of itself in its first bytes: format and size, before anything is sent. Pure.

export const HEAD_NBYTES = 65536;

function jpegSize(bytes, view) {
  for (let at = 2; at + 9 < bytes.length;) {
    if (bytes[at] !== 0xff) return {};
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    // start of frame, but for the tables that share its range (ITU-T T.81, table B.1)
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return {height: view.getUint16(at + 5), width: view.getUint16(at + 7)};
    }
    if (marker === 0xda || marker === 0xd9) return {};
    at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return {};
}

function pnmSize(bytes) {
  const text = String.fromCharCode(...bytes.subarray(0, 2048)).replace(/#[^\n\r]*/g, " ");
  const pam = /^P7\s/.test(text);
  const width = pam ? /\sWIDTH\s+(\d+)/.exec(text)?.[1] : /^P[1-6]\s+(\d+)/.exec(text)?.[1];
  const height = pam ? /\sHEIGHT\s+(\d+)/.exec(text)?.[1] : /^P[1-6]\s+\d+\s+(\d+)/.exec(text)?.[1];
  return width && height ? {width: Number(width), height: Number(height)} : {};
}

// {format, width, height} of a file that begins with `bytes`; the sides are missing where they are not among them.
// null: no format that is read here.
export function sniff(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (...magic) => magic.every((byte, i) => bytes[i] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47)) {
    if (bytes.length < 24) return {format: "png"};
    return {format: "png", width: view.getUint32(16), height: view.getUint32(20)};
  }
  if (starts(0xff, 0xd8, 0xff)) return {format: "jpeg", ...jpegSize(bytes, view)};
  if (starts(0x42, 0x4d)) {
    if (bytes.length < 26) return {format: "bmp"};
    if (view.getUint32(14, true) === 12) {
      return {format: "bmp", width: view.getUint16(18, true), height: view.getUint16(20, true)};
    }
    return {format: "bmp", width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true))};
  }
  return bytes[0] === 0x50 && bytes[1] >= 0x31 && bytes[1] <= 0x37 ? {format: "pnm", ...pnmSize(bytes)} : null;
}
