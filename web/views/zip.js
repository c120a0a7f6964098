// All results as one zip archive, fetched one after the other. The browser keeps the parts, on disk if they are large.

import * as zip from "../logic/zip.js";

const END = {jpeg: "jpg", png: "png", bmp: "bmp", pgm: "pgm", pnm: "pgm"};

async function checksum(blob, signal) {
  let crc = 0;
  const reader = blob.stream().getReader();
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return crc;
    signal.throwIfAborted();
    crc = zip.crc32(value, crc);
  }
}

function resultName(job) {
  const stem = job.name.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "") || "image";
  return `${stem}-gray.${END[job.output?.format] ?? "png"}`;
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// jobs that are done; onProgress(number done). Resolves to {blob, lost}: the archive, and the names of what is gone.
export async function archive(jobs, {api, signal, onProgress}) {
  const taken = new Set();
  const entries = [];
  const parts = [];
  const lost = [];
  let at = 0;
  for (const job of jobs) {
    let blob;
    try {
      blob = await (await api.result(job, signal)).blob();
    } catch (error) {
      if (error.status !== 404 && error.status !== 410) throw error;
      lost.push(job.name);
      continue;
    }
    const entry = {name: zip.uniqueName(resultName(job), taken), nbytes: blob.size, crc: await checksum(blob, signal),
      date: new Date(job.ended ?? Date.now()), at};
    const header = zip.localHeader(entry);
    parts.push(header, blob);
    entries.push(entry);
    at += header.length + blob.size;
    onProgress(entries.length);
  }
  parts.push(zip.directory(entries, at));
  return {blob: new Blob(parts, {type: "application/zip"}), lost};
}
