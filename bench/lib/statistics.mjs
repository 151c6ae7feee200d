/** The value below which a share of the sorted values lies (nearest rank); `share` from 0 to 1. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

export function median(values) {
  const sorted = ascending(values);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** p50, p99 and the largest of some durations. */
export function summary(values) {
  const sorted = ascending(values);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1) };
}

/** Of the ratios of paired rounds: the median, and the smallest and largest beside it. */
export function ratios(ours, floors) {
  const all = ascending(ours.map((value, round) => value / floors[round]));
  return { ratio: median(all), least: all[0], most: all.at(-1) };
}

function ascending(values) {
  return values.toSorted((a, b) => a - b);
}
