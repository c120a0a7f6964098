// The files of this page and what has become of each: sends them, follows their jobs, and keeps both over a reload.

import * as logic from "./logic/uploads.js";
import {newKey, plain, sleep, wakeSleepers} from "./patience.js";
import {createStorage} from "./storage.js";

const AT_ONCE = 3; // with the events and a poll this leaves a browser one of its six connections for pictures
const CONFLICTS = 8; // after so many in a row an upload is given up and begun anew
const PAGE = 200;

export function createStore({api, storage = createStorage()}) {
  const cards = new Map();
  const works = new Map(); // by key: what the page need not see {file, uploadUrl, whole, abort, cancelWanted, told}
  const waiting = new Set();
  const active = new Set();
  const lives = new Set(); // keys of cards whose jobs have not ended
  const doubted = new Set(); // keys of ended cards from storage whose jobs may be gone
  const listeners = {change: new Set(), token: new Set(), online: new Set()};
  const changed = new Set();
  const unsaved = new Set();
  let list = null;
  let listChanged = false;
  let frame = null;
  let saving = null;
  let owner = false; // of what is in storage: one page at a time
  let online = true;
  let needsToken = false;
  let polling = false;
  let pollTimer = null;
  let pollFailures = 0;
  let stream = null;
  let started = null;

  // Listeners

  function tell(what, value) {
    for (const fn of listeners[what]) fn(value);
  }

  function announce() {
    cancelAnimationFrame(frame.next);
    clearTimeout(frame.latest);
    frame = null;
    const whole = listChanged;
    const some = [...changed];
    listChanged = false;
    changed.clear();
    if (whole) tell("change", null);
    for (const card of some) if (cards.has(card.key)) tell("change", card);
  }

  // A hidden page has no frames, so a timer stands in.
  function later() {
    frame ??= {next: requestAnimationFrame(announce), latest: setTimeout(announce, 1000)};
  }

  function set(card, fields, keep = true) {
    Object.assign(card, fields);
    if (!cards.has(card.key)) return;
    if (logic.live(card)) lives.add(card.key);
    else lives.delete(card.key);
    changed.add(card);
    later();
    if (keep) save(card);
  }

  function setOnline(value) {
    if (value !== online) tell("online", online = value);
  }

  function setNeedsToken(value) {
    if (value === needsToken) return;
    needsToken = value;
    tell("token", value);
  }

  // Storage

  function record(card) {
    const work = works.get(card.key);
    const {key, name, nbytes, options, phase, job, problem, added} = card;
    return {key, name, nbytes, options, phase, job, problem, added,
      mark: work.mark, uploadUrl: work.uploadUrl, whole: work.whole, cancelWanted: work.cancelWanted};
  }

  function flush() {
    if (!owner || !storage) return;
    clearTimeout(saving);
    saving = null;
    const some = [...unsaved].filter((card) => cards.has(card.key));
    unsaved.clear();
    if (some.length === 0) return;
    storage.putCards(some.map(record));
    // the server has the original now, and the page the file as long as it is open
    storage.dropFiles(some.filter((card) => card.job).map((card) => card.key));
  }

  function save(card) {
    if (!storage) return;
    unsaved.add(card);
    if (owner) saving ??= setTimeout(flush, 200);
  }

  function keepFile(card, file) {
    if (owner && storage && file && !card.job && card.nbytes <= logic.KEEP_NBYTES) storage.putFile(card.key, file);
  }

  function insert(card, work) {
    cards.set(card.key, card);
    const blank = {file: null, mark: null, uploadUrl: null, whole: false, abort: null, cancelWanted: false, told: 0};
    works.set(card.key, Object.assign(work, {...blank, ...work}));
    list = null;
    listChanged = true;
    set(card, {}, false);
  }

  async function load() {
    const stored = await storage.load();
    const now = Date.now();
    const own = [...cards.values()].map((card) => [card, works.get(card.key)]);
    cards.clear();
    stored.cards.sort((a, b) => a.added - b.added);
    for (const {mark, uploadUrl, whole, cancelWanted, ...kept} of stored.cards) {
      const file = stored.files.get(kept.key) ?? null;
      const card = logic.revived({...kept, whole}, Boolean(file), now);
      delete card.whole;
      insert(card, {file, mark, uploadUrl, whole, cancelWanted});
      if (card.phase === "waiting") waiting.add(card.key);
      if (card.phase === "done") doubted.add(card.key);
    }
    for (const [card, work] of own) {
      insert(card, work);
      save(card);
      keepFile(card, work.file);
    }
    pump();
    poll(0);
  }

  function start() {
    if (!storage) return Promise.resolve();
    const begin = () => {
      owner = true;
      return load();
    };
    if (!navigator.locks) return begin();
    return new Promise((resolve) => {
      // held until the page goes; a page that opens beside this one takes over then
      navigator.locks.request("rgb2gray-cards", () => {
        begin().then(resolve, resolve);
        return new Promise(() => {});
      }).catch(() => begin().then(resolve, resolve));
    });
  }

  function wakeAll() {
    wakeSleepers();
    pump();
    poll(0);
  }

  // Sending

  function pump() {
    if (needsToken) return;
    for (const key of waiting) {
      if (active.size >= AT_ONCE) return;
      waiting.delete(key);
      const card = cards.get(key);
      const work = works.get(key);
      work.abort = new AbortController();
      // counted by its signal: the card may be cancelled and tried again before this way through has ended
      const signal = work.abort.signal;
      active.add(signal);
      drive(card, work, signal).finally(() => {
        active.delete(signal);
        pump();
      });
    }
  }

  // Makes one way through to the job; throws where it is stopped.
  async function attempt(card, work, signal, onward) {
    const onSent = (base) => (n) => set(card, {sent: Math.min(card.nbytes, base + n)}, false);
    if (!logic.inParts(card.nbytes)) {
      set(card, {phase: "uploading", problem: null, sent: 0});
      return api.submitSmall(work.file, card.options, onSent(0), signal);
    }
    let offset = 0;
    if (!work.uploadUrl) {
      work.whole = false;
      work.uploadUrl = await api.createUpload(card.name, card.nbytes, signal);
    } else if (work.whole) {
      offset = card.nbytes;
    } else {
      offset = await api.uploadOffset(work.uploadUrl, signal);
    }
    set(card, {phase: "uploading", problem: null, sent: offset});
    while (offset < card.nbytes) {
      const part = work.file.slice(offset, logic.partEnd(offset, card.nbytes));
      offset = await api.sendPart(work.uploadUrl, offset, part, onSent(offset), signal);
      onward();
      set(card, {sent: offset}, false);
    }
    // told before it is asked for: a lost answer is asked for again, and the server knows the upload's job
    work.whole = true;
    save(card);
    return api.submit(work.uploadUrl, card.name, card.options, signal);
  }

  async function readable(file) {
    try {
      await file.slice(0, 1).arrayBuffer();
      return true;
    } catch {
      return false;
    }
  }

  async function drive(card, work, signal) {
    let failures = 0;
    for (;;) {
      try {
        if (!work.file && !work.whole) {
          set(card, {phase: "needs-file"});
          return;
        }
        const job = await attempt(card, work, signal, () => {
          failures = 0;
          setOnline(true);
        });
        if (signal.aborted) return;
        setOnline(true);
        work.uploadUrl = null;
        work.whole = false;
        set(card, logic.foldJob({...card, phase: "queued", progress: null}, job));
        poll(0);
        return;
      } catch (error) {
        if (signal.aborted) return;
        await stopped(card, work, signal, error, failures++);
        if (signal.aborted || logic.ended(card) || card.phase === "needs-file") return;
      }
    }
  }

  // Waits until it makes sense to try again, or ends the card.
  async function stopped(card, work, signal, error, failures) {
    const problem = plain(error);
    const what = logic.reaction(problem, failures);
    if (problem.status > 0) setOnline(true);
    switch (what) {
    case "token":
      set(card, {phase: "waiting", problem});
      setNeedsToken(true);
      await sleep(null, signal, true);
      break;
    case "later":
      set(card, {phase: "waiting", problem});
      await sleep(logic.pauseFor(problem, failures), signal, false);
      break;
    case "busy":
      // the upload may be less whole than was thought
      work.whole = false;
      if (failures % CONFLICTS === CONFLICTS - 1) {
        api.removeUpload(work.uploadUrl).catch(() => {});
        work.uploadUrl = null;
      }
      await sleep(logic.backoff(failures), signal, true);
      break;
    case "anew":
      work.uploadUrl = null;
      work.whole = false;
      set(card, {sent: 0});
      if (failures > 0) await sleep(logic.backoff(failures), signal, true);
      break;
    case "away":
      if (work.file && !(await readable(work.file))) {
        work.file = null;
        const title = "The file can no longer be read";
        set(card, {phase: "needs-file", problem: {...problem, type: "unreadable", title, detail: ""}});
        break;
      }
      setOnline(problem.status > 0);
      set(card, {phase: "paused", problem});
      await sleep(logic.backoff(failures), signal, true);
      break;
    default:
      set(card, {phase: what, problem});
    }
  }

  function enqueue(card) {
    set(card, {phase: "waiting", problem: null, sent: 0, progress: null, job: null});
    waiting.add(card.key);
    pump();
  }

  // Following

  function pollPause() {
    const calm = lives.size === 1 && stream !== null && !stream.source.closed;
    if (document.hidden) return lives.size > 20 ? 5000 : 2000;
    return calm ? 3000 : 1000;
  }

  function poll(ms) {
    if (polling) return;
    clearTimeout(pollTimer);
    if (needsToken || (lives.size === 0 && doubted.size === 0)) {
      if (lives.size === 0) endStream();
      return;
    }
    pollTimer = setTimeout(pollNow, ms);
  }

  async function pollNow() {
    polling = true;
    let pause = null;
    try {
      await look();
      pollFailures = 0;
      setOnline(true);
    } catch (error) {
      const problem = plain(error);
      setOnline(problem.status > 0);
      if (problem.status === 401) setNeedsToken(true);
      pause = logic.pauseFor(problem, ++pollFailures);
    }
    polling = false;
    chooseStream();
    poll(pause ?? pollPause());
  }

  async function look() {
    const began = performance.now();
    const wanted = new Map();
    for (const key of [...lives, ...doubted]) {
      const id = cards.get(key)?.job?.id;
      if (id) wanted.set(id, cards.get(key));
      else doubted.delete(key);
    }
    let before;
    for (let i = 0; i < 10 && wanted.size > 0; i++) {
      const page = await api.jobs({limit: PAGE, before});
      for (const job of page.jobs) {
        const card = wanted.get(job.id);
        if (!card) continue;
        wanted.delete(job.id);
        doubted.delete(card.key);
        seen(card, job, began);
      }
      before = page.next;
      if (!before) break;
    }
    // few at a time: what is not in the list is gone, or behind very many
    for (const [id, card] of [...wanted].slice(0, 8)) {
      try {
        seen(card, await api.job(id), began);
      } catch (error) {
        if (error.status !== 404 && error.status !== 410) throw error;
        vanished(card);
      }
      doubted.delete(card.key);
    }
  }

  function seen(card, job, began) {
    const work = works.get(card.key);
    if (!work || card.job?.id !== job.id) return;
    const over = job.state !== "queued" && job.state !== "running";
    if (work.cancelWanted && !over) askToCancel(work, job.id);
    // an event that came while the list was on its way is newer
    if (!over && work.told > began) return;
    const fields = logic.foldJob(card, job);
    if (JSON.stringify(fields.job) === JSON.stringify(card.job) && fields.phase === card.phase) return;
    set(card, fields);
  }

  function vanished(card) {
    const work = works.get(card.key);
    if (!work) return;
    if (work.cancelWanted) set(card, {phase: "cancelled", progress: null});
    else set(card, {phase: "failed", progress: null, problem: logic.gone()});
  }

  function endStream() {
    stream?.stop();
    stream = null;
  }

  // The one stream goes to the first job that runs, or else to the first that waits.
  function chooseStream() {
    let best = null;
    for (const key of lives) {
      const card = cards.get(key);
      if (card.phase === "running") {
        best = card;
        break;
      }
      best ??= card;
    }
    if (needsToken || !best?.job) {
      endStream();
      return;
    }
    const held = stream && cards.get(stream.card.key);
    const follows = held && stream.id === held.job?.id && logic.live(held);
    if (follows && (held.phase === "running" || best.phase !== "running")) return;
    endStream();
    const card = best;
    const mine = {card, id: card.job.id, source: {closed: false}, stop: null};
    stream = mine;
    mine.stop = api.follow(card.job, (kind, data) => {
      if (stream !== mine || card.job?.id !== mine.id) return;
      if (kind === "closed") {
        // the polls tell on
        mine.source.closed = true;
        return;
      }
      const fields = logic.foldEvent(card, kind, data);
      if (fields === null) {
        poll(0);
        return;
      }
      works.get(card.key).told = performance.now();
      set(card, fields, kind !== "progress");
    });
  }

  // What people do

  function fresh(file, options, added) {
    return {key: newKey(), name: file.name, nbytes: file.size, options: {...options}, phase: "waiting", sent: 0,
      job: null, problem: null, added, progress: null};
  }

  function add(files, options = {}) {
    const added = [];
    const now = Date.now();
    for (const file of files) {
      const card = fresh(file, options, now + added.length / 1024); // in order after a reload too
      const work = {file, mark: logic.fingerprint(file)};
      if (file.size === 0) {
        card.phase = "refused";
        card.problem = plain({status: 0, type: "empty", title: "The file is empty"});
      } else {
        waiting.add(card.key);
      }
      insert(card, work);
      save(card);
      added.push(card);
    }
    flush(); // before the files, which take longer: after a reload in the meantime they are asked for again
    for (const card of added) keepFile(card, works.get(card.key).file);
    pump();
    return added;
  }

  // Shows a file that will not be sent, and why.
  function refuse(file, problem) {
    const card = {...fresh(file, {}, Date.now()), phase: "refused", problem: plain({status: 0, ...problem})};
    insert(card, {file});
    save(card);
    return card;
  }

  function stopSending(key) {
    const work = works.get(key);
    waiting.delete(key);
    work.abort?.abort();
    if (work.uploadUrl) api.removeUpload(work.uploadUrl).catch(() => {});
    work.uploadUrl = null;
    work.whole = false;
  }

  function cancel(key) {
    const card = cards.get(key);
    if (!card || logic.ended(card)) return;
    if (logic.live(card)) {
      works.get(key).cancelWanted = true;
      askToCancel(works.get(key), card.job.id).finally(() => poll(0));
      return;
    }
    stopSending(key);
    set(card, {phase: "cancelled", problem: null, progress: null});
  }

  // The polls ask again where a request was lost, and only then: what is cancelled already would be removed by it.
  const askToCancel = (work, id) => (work.cancelAsked ??= api.remove(id).catch(() => { work.cancelAsked = null; }));

  async function retry(key) {
    const card = cards.get(key);
    if (!card) return;
    const work = works.get(key);
    if (card.phase === "paused" || card.phase === "waiting") {
      wakeAll();
      return;
    }
    if (!logic.ended(card)) return;
    work.cancelWanted = work.cancelAsked = null;
    work.told = 0;
    doubted.delete(key);
    if (!work.file && card.job) {
      const old = card.job;
      set(card, {phase: "waiting", problem: null, progress: null, sent: 0});
      try {
        work.file = await api.original(old);
      } catch (error) {
        if (cards.has(key) && card.phase === "waiting") {
          const lost = error.status === 404 || error.status === 410 || error.status === 409;
          set(card, lost ? {phase: "needs-file", job: null, problem: null} : {phase: "failed", problem: plain(error)});
        }
        return;
      }
      if (!cards.has(key) || card.phase !== "waiting") return;
    }
    card.job = null;
    if (!work.file) {
      set(card, {phase: "needs-file", problem: null});
      return;
    }
    keepFile(card, work.file);
    enqueue(card);
  }

  function remove(key) {
    const card = cards.get(key);
    if (!card) return;
    if (card.job) api.remove(card.job.id).catch(() => {});
    else stopSending(key);
    works.get(key).abort?.abort();
    cards.delete(key);
    works.delete(key);
    for (const keys of [waiting, lives, doubted]) keys.delete(key);
    list = null;
    listChanged = true;
    later();
    if (stream?.card === card) {
      endStream();
      chooseStream();
    }
    if (owner) storage?.drop(key);
  }

  // Whether it can be the file that was meant. Only the very same one goes on where an upload has stopped: two files
  // must never be made into one.
  function giveFile(key, file) {
    const card = cards.get(key);
    if (!card || card.phase !== "needs-file") return false;
    const work = works.get(key);
    if (file.size !== card.nbytes) {
      const title = "That is another file";
      set(card, {problem: plain({status: 0, type: "other-file", title, detail: `Choose ${card.name} again.`})});
      return false;
    }
    if (work.mark !== logic.fingerprint(file)) {
      if (work.uploadUrl) api.removeUpload(work.uploadUrl).catch(() => {});
      work.uploadUrl = null;
      work.whole = false;
      work.mark = logic.fingerprint(file);
    }
    work.file = file.name === card.name ? file : new File([file], card.name, {type: file.type});
    keepFile(card, work.file);
    enqueue(card);
    return true;
  }

  // Goes on: after a session was opened, or when someone does not want to wait any longer.
  function resume() {
    setNeedsToken(false);
    pollFailures = 0;
    started ??= start();
    wakeAll();
    return started;
  }

  window.addEventListener("online", wakeAll);
  window.addEventListener("offline", () => setOnline(false));
  window.addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll(0);
  });
  api.onSession?.(resume);
  started = start();

  return {
    add, refuse, cancel, retry, remove, giveFile, resume,
    get cards() {
      list ??= [...cards.values()];
      return list;
    },
    // Returns a function that takes the listener away again.
    on(what, fn) {
      listeners[what].add(fn);
      return () => listeners[what].delete(fn);
    },
  };
}
