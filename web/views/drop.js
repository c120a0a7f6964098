// Ways for files to come in: dropped (folders too), chosen, pasted.

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // a folder is told in pieces of a hundred
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const one of some) found.push(...await filesIn(one).catch(() => []));
  }
}

async function dropped(transfer) {
  // the list of items is emptied when the event has been handled
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return files;
  return (await Promise.all(entries.map((entry) => filesIn(entry).catch(() => [])))).flat();
}

// Calls onFiles(files) for whatever comes in, anywhere on the page.
export function mountDrop(root, {onFiles}) {
  const visible = (file) => !file.name.startsWith(".");
  let depth = 0;
  const drag = (by) => {
    depth = Math.max(0, depth + by);
    document.body.classList.toggle("dragging", depth > 0);
  };
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => withFiles(event) && drag(1));
  document.addEventListener("dragleave", (event) => withFiles(event) && drag(-1));
  document.addEventListener("dragover", (event) => withFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    drag(-depth);
    dropped(event.dataTransfer).then((files) => onFiles(files.filter(visible)));
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) onFiles(files);
  });
  for (const input of root.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      onFiles([...input.files].filter(visible));
      input.value = ""; // so that the same file can be chosen again
    });
  }
}
