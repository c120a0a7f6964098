// Waiting that can be cut short, and what failures are kept as.

const sleepers = new Set();

// Resolves after `ms` (null: never by itself), when the signal is aborted, or, where `wakeable`, by wakeSleepers().
export function sleep(ms, signal, wakeable) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      sleepers.delete(sleeper);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const sleeper = {wake, wakeable};
    const timer = ms === null ? null : setTimeout(wake, ms);
    sleepers.add(sleeper);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}

export function wakeSleepers() {
  for (const sleeper of [...sleepers]) if (sleeper.wakeable) sleeper.wake();
}

// A problem that can be stored.
export function plain(problem) {
  const {status, type, title, detail, retryAfter} = problem;
  return {status, type, title: title || "Something went wrong", detail: detail ?? "", retryAfter: retryAfter ?? null};
}

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
