// Scales and ticks of the charts. Pure functions: numbers in, numbers out.

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

export function linear(domain, range) {
  const span = domain[1] - domain[0] || 1;
  return (value) => range[0] + ((clamp(value, domain[0], domain[1]) - domain[0]) / span) * (range[1] - range[0]);
}

export function logarithmic(domain, range) {
  const scale = linear(domain.map(Math.log10), range);
  return (value) => scale(Math.log10(Math.max(value, domain[0])));
}

// Steps of 1, 2 or 5 times a power of ten, about `wanted` of them from 0 past `top`.
export function ticks(top, wanted = 4) {
  if (!(top > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(top / wanted));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => top / n <= wanted) ?? 10 * power;
  const count = Math.ceil(top / step - 1e-9);
  return Array.from({length: count + 1}, (_, i) => Number((i * step).toPrecision(12)));
}

// Powers of ten that hold every value; one picture alone still gets an axis with two ends.
export function logDomain(values) {
  const known = values.filter((value) => value > 0);
  if (!known.length) return [1, 10];
  const low = Math.floor(Math.log10(Math.min(...known)));
  const high = Math.ceil(Math.log10(Math.max(...known)));
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}

export function logTicks(domain) {
  const low = Math.round(Math.log10(domain[0]));
  const high = Math.round(Math.log10(domain[1]));
  return Array.from({length: high - low + 1}, (_, i) => 10 ** (low + i));
}

// Lays parts end to end: each gets where it starts and how wide it is, as a share of `whole`.
export function stack(parts, whole) {
  let at = 0;
  return parts.map((part) => {
    const share = whole > 0 ? part.ns / whole : 0;
    const placed = {...part, start: at, share};
    at += share;
    return placed;
  });
}

// 1000000 -> "1 MP": an axis has no room for more.
export function shortPixels(n) {
  const [divisor, unit] = n >= 1e9 ? [1e9, "GP"] : n >= 1e6 ? [1e6, "MP"] : n >= 1e3 ? [1e3, "kP"] : [1, "px"];
  return `${Number((n / divisor).toPrecision(3))} ${unit}`;
}
