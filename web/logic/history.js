// The table of past conversions: its columns, filters and order. Pure functions of the rows of /api/v1/stats.json.

export const COLUMNS = [
  {key: "name", label: "Picture", text: true},
  {key: "created", label: "When", text: true},
  {key: "state", label: "State", text: true},
  {key: "out_format", label: "Format", text: true},
  {key: "pixels", label: "Pixels"},
  {key: "ranks", label: "Ranks"},
  {key: "parallel_ms", label: "Parallel"},
  {key: "sequential_ms", label: "Sequential"},
  {key: "speedup", label: "Speed-up"},
  {key: "efficiency", label: "Efficiency"},
];

const FOUND_IN = ["name", "method", "launcher", "in_format", "out_format", "error_type", "id"];

// Every word must be found somewhere in the row.
export function filter(rows, {text = "", state = "", format = ""} = {}) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (state && row.state !== state) return false;
    if (format && row.out_format !== format) return false;
    const held = FOUND_IN.map((key) => row[key] ?? "").join(" ").toLowerCase();
    return words.every((word) => held.includes(word));
  });
}

// A new array. What was not measured comes last in either direction; equals keep their order, newest first.
export function sort(rows, key, direction = "ascending") {
  const sign = direction === "descending" ? -1 : 1;
  const missing = (value) => value === null || value === undefined || value === "";
  return [...rows].sort((a, b) => {
    const [x, y] = [a[key], b[key]];
    if (missing(x) || missing(y)) return Number(missing(x)) - Number(missing(y));
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", {numeric: true});
    return sign * order;
  });
}

// Figures begin with the largest and dates with the newest; names and words begin at A.
export function nextOrder(order, key) {
  if (order.key === key) {
    return {key, direction: order.direction === "ascending" ? "descending" : "ascending"};
  }
  const column = COLUMNS.find((one) => one.key === key);
  return {key, direction: column?.text && key !== "created" ? "ascending" : "descending"};
}

// What an order is called where there is no head to press.
export function directions(key) {
  if (key === "created") return [["descending", "newest first"], ["ascending", "oldest first"]];
  if (COLUMNS.find((column) => column.key === key)?.text) return [["ascending", "A to Z"], ["descending", "Z to A"]];
  return [["descending", "largest first"], ["ascending", "smallest first"]];
}

export const choices = (rows, key) => [...new Set(rows.map((row) => row[key]).filter(Boolean))].sort();

// What can be drawn: the rows with a speed-up and a size, smallest picture first.
export const points = (rows) => sort(rows.filter((row) => row.speedup > 0 && row.pixels > 0), "pixels");

export function summary(rows) {
  const measured = points(rows);
  if (!measured.length) return "No conversion here was compared with one process.";
  const faster = measured.filter((row) => row.speedup >= 1.05).length;
  const slower = measured.filter((row) => row.speedup <= 1 / 1.05).length;
  const even = measured.length - faster - slower;
  const parts = [`${faster} faster than one process`, `${slower} slower`];
  if (even) parts.push(`${even} about the same`);
  return `Of ${measured.length} compared: ${parts.join(", ")}.`;
}
