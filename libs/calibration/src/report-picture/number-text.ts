/** A whole number with commas, such as 1,234,567. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

const UNITS = [
  { size: 1e9, sign: 'G' },
  { size: 1e6, sign: 'M' },
  { size: 1e3, sign: 'k' },
];

/** A count in at most five characters, such as 987, 1,655, 12.3k or 2M. */
export function compact(count: number): string {
  if (count < 9_999.5) return grouped(Math.round(count));
  // 999,960 is 1M rather than 1,000k: the unit is chosen for what is shown.
  const unit = UNITS.find(({ size }) => count >= 0.99995 * size) ?? { size: 1, sign: '' };
  const value = count / unit.size;
  return `${value >= 99.95 ? Math.round(value) : Math.round(value * 10) / 10}${unit.sign}`;
}

/** 1, 2 or 5 times a power of ten: the step of an axis from 0 to `highest` with two to five steps, at least 1. */
export function niceStep(highest: number): number {
  const rough = highest / 3;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10;
  return step * power;
}
