// Gray-level counts of an RGBA buffer, their summary, and bar heights.

export function histogram(rgba) {
  const bins = new Array(256).fill(0);
  for (let i = 0; i < rgba.length; i += 4) bins[rgba[i]]++;
  return bins;
}

export function summary(bins) {
  const total = bins.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  const min = bins.findIndex((n) => n > 0);
  const max = bins.findLastIndex((n) => n > 0);
  let seen = 0;
  const median = bins.findIndex((n) => (seen += n) * 2 >= total);
  const mean = bins.reduce((sum, n, level) => sum + n * level, 0) / total;
  return { min, max, median, mean, black: bins[0] / total, white: bins[255] / total };
}

// Heights from 0 to 1 of the tallest bin.
export function heights(bins, logarithmic) {
  const tall = logarithmic ? (n) => Math.log1p(n) : (n) => n;
  const most = tall(Math.max(...bins)) || 1;
  return bins.map((n) => tall(n) / most);
}
