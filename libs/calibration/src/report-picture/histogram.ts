import type { CalibrationBin } from '../report/calibration-report.js';
import { AXIS, BAR, FAINT_INK, GRID, HISTOGRAM, INK, xOf } from './layout.js';
import { compact, niceStep } from './number-text.js';
import { element } from './svg.js';
import { type Box, textWidth } from './text-box.js';

const LABEL_SIZE = 12;
/** Kept free above the highest bar, for its label. */
const HEADROOM = 16;

/** The counts of the bins, labelled where a label has room. */
export function histogram(bins: readonly CalibrationBin[]): string[] {
  const highest = Math.max(...bins.map(({ count }) => count));
  const bars = bins.flatMap((bin) =>
    bin.count === 0 ? [] : [{ count: bin.count, box: barBox(bin, bins.length, highest) }],
  );
  return [
    ...axis(highest),
    ...bars.map(({ box: { left, right, top, bottom } }) =>
      element('rect', { x: left, y: top, width: right - left, height: bottom - top, fill: BAR }),
    ),
    element('line', {
      x1: HISTOGRAM.left,
      x2: HISTOGRAM.right,
      y1: HISTOGRAM.bottom,
      y2: HISTOGRAM.bottom,
      stroke: AXIS,
    }),
    ...labels(bars),
  ];
}

function barBox({ lower, upper, count }: CalibrationBin, bins: number, highest: number): Box {
  const gap = bins > 40 ? 0.3 : 1;
  // A single market among a million is still to be seen.
  const top = Math.min(heightOf(count, highest), HISTOGRAM.bottom - 1);
  return { left: xOf(lower) + gap, right: xOf(upper) - gap, top, bottom: HISTOGRAM.bottom };
}

function heightOf(count: number, highest: number): number {
  return HISTOGRAM.bottom - (count / highest) * (HISTOGRAM.bottom - HISTOGRAM.top - HEADROOM);
}

function axis(highest: number): string[] {
  const step = niceStep(highest);
  const ticks = Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
  return ticks.flatMap((tick) => {
    const y = heightOf(tick, highest);
    const text = { x: HISTOGRAM.left - 8, y: y + 4, 'text-anchor': 'end', 'font-size': LABEL_SIZE, fill: FAINT_INK };
    return [
      element('line', { x1: HISTOGRAM.left, x2: HISTOGRAM.right, y1: y, y2: y, stroke: GRID }),
      element('text', text, compact(tick)),
    ];
  });
}

/** The counts above their bars; where one would not fit between its neighbours, the highest bar's alone. */
function labels(bars: readonly { count: number; box: Box }[]): string[] {
  const written = bars.map(({ count, box }) => ({ count, box, text: compact(count) }));
  const allFit = written.every(({ text, box }) => textWidth(text, LABEL_SIZE) <= box.right - box.left);
  const highest = written.toSorted((a, b) => b.count - a.count).slice(0, 1);
  return (allFit ? written : highest).map(({ text, box }) => {
    const half = textWidth(text, LABEL_SIZE) / 2;
    const x = Math.min(HISTOGRAM.right - half, Math.max(HISTOGRAM.left + half, (box.left + box.right) / 2));
    return element('text', { x, y: box.top - 4, 'text-anchor': 'middle', 'font-size': LABEL_SIZE, fill: INK }, text);
  });
}
