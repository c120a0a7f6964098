// Cards and files in IndexedDB. Each call resolves whether or not it worked: a page that may store nothing still works.
export function createStorage() {
  const settled = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(undefined);
  });
  const opened = new Promise((resolve) => {
    try {
      const request = indexedDB.open("rgb2gray", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("cards", {keyPath: "key"});
        request.result.createObjectStore("files");
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
      request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  async function change(fn) {
    const db = await opened;
    if (!db) return false;
    return new Promise((resolve) => {
      try {
        const transaction = db.transaction(["cards", "files"], "readwrite");
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = transaction.onerror = () => resolve(false);
        fn(transaction.objectStore("cards"), transaction.objectStore("files"));
      } catch {
        resolve(false);
      }
    });
  }
  return {
    async load() {
      const db = await opened;
      if (!db) return {cards: [], files: new Map()};
      try {
        const transaction = db.transaction(["cards", "files"]);
        const files = transaction.objectStore("files");
        const [cards, keys, kept] = await Promise.all([
          settled(transaction.objectStore("cards").getAll()), settled(files.getAllKeys()), settled(files.getAll())]);
        return {cards: cards ?? [], files: new Map((keys ?? []).map((key, i) => [key, kept?.[i]]))};
      } catch {
        return {cards: [], files: new Map()};
      }
    },
    putCards: (records) => change((cards) => records.forEach((record) => cards.put(record))),
    putFile: (key, file) => change((cards, files) => files.put(file, key)),
    dropFiles: (keys) => change((cards, files) => keys.forEach((key) => files.delete(key))),
    drop: (key) => change((cards, files) => {
      cards.delete(key);
      files.delete(key);
    }),
  };
}
