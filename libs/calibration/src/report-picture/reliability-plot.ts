import type { CalibrationBin } from '../report/calibration-report.js';
import { AXIS, GRID, HISTOGRAM, PLOT, POINT, RANGE, xOf, yOf } from './layout.js';
import { coordinate, element } from './svg.js';
import { type Interval, wilsonInterval } from './wilson-interval.js';

/** A bin that holds something, as it is shown. */
export interface PlottedBin {
  bin: CalibrationBin;
  meanProbability: number;
  observedRate: number;
  /** Of the observed rate, 95 %. */
  interval: Interval;
  /** Whether the mean probability lies within that interval: what was seen does not speak against the forecasts. */
  meetsDiagonal: boolean;
}

export function plottedBins(bins: readonly CalibrationBin[]): PlottedBin[] {
  return bins.flatMap((bin) => {
    const { count, meanProbability, observedRate } = bin;
    if (count === 0 || meanProbability === null || observedRate === null) return [];
    const interval = wilsonInterval(observedRate, count);
    const meetsDiagonal = interval.lower <= meanProbability && meanProbability <= interval.upper;
    return [{ bin, meanProbability, observedRate, interval, meetsDiagonal }];
  });
}

/** Observed rate over mean probability, with the diagonal of perfect calibration. */
export function reliabilityPlot(bins: readonly CalibrationBin[]): string[] {
  const plotted = plottedBins(bins);
  const binWidth = (PLOT.right - PLOT.left) / bins.length;
  const radius = radii(plotted, binWidth);
  const cap = Math.min(4, Math.max(1.5, binWidth / 4));
  // Large points first, so that they hide no small one.
  const points = plotted.toSorted((a, b) => b.bin.count - a.bin.count);
  return [
    ...grid(),
    element('line', {
      x1: xOf(0),
      y1: yOf(0),
      x2: xOf(1),
      y2: yOf(1),
      stroke: AXIS,
      'stroke-width': 1.5,
      'stroke-dasharray': '6 4',
    }),
    ...points.map((point) => rangeOf(point, cap)),
    ...points.flatMap((point) => {
      const size = radius(point.bin.count);
      const { lower, upper } = point.interval;
      const dot = marker(xOf(point.meanProbability), yOf(point.observedRate), size, point.meetsDiagonal);
      // An interval hardly longer than its point is wide would be hidden by it; on a small point it would hide the point.
      const onTop = size >= 5 && yOf(lower) - yOf(upper) < 2 * size + 8;
      return onTop ? [dot, rangeOf(point, cap)] : [dot];
    }),
  ];
}

function rangeOf({ meanProbability, interval }: PlottedBin, cap: number): string {
  return range(xOf(meanProbability), yOf(interval.lower), yOf(interval.upper), cap);
}

/** An interval from y1 to y2, with caps that reach so far to either side. */
export function range(x: number, y1: number, y2: number, cap: number): string {
  const caps = [y1, y2].map((y) => `M${coordinate(x - cap)} ${coordinate(y)}H${coordinate(x + cap)}`).join('');
  return element('path', {
    d: `M${coordinate(x)} ${coordinate(y1)}V${coordinate(y2)}${caps}`,
    stroke: RANGE,
    'stroke-width': 1.5,
    fill: 'none',
  });
}

/** A point: filled where it agrees with the diagonal, hollow where it does not, so that no colour is needed to tell. */
export function marker(x: number, y: number, radius: number, filled: boolean): string {
  return element('circle', {
    cx: x,
    cy: y,
    r: radius,
    fill: filled ? POINT : '#fff',
    stroke: filled ? '#fff' : POINT,
    'stroke-width': filled ? 0.75 : 1.75,
  });
}

/** Area in proportion to the count, but never so small that it cannot be seen. */
function radii(plotted: readonly PlottedBin[], binWidth: number): (count: number) => number {
  const highest = Math.max(1, ...plotted.map(({ bin }) => bin.count));
  const largest = Math.min(9, Math.max(4, binWidth / 3));
  const smallest = Math.min(3, Math.max(2, binWidth / 6));
  return (count) => Math.max(smallest, largest * Math.sqrt(count / highest));
}

/** Lines at each fifth, upright ones through the histogram too. */
function grid(): string[] {
  const fifths = [0, 0.2, 0.4, 0.6, 0.8, 1];
  return [
    ...fifths.map((value) =>
      element('line', { x1: xOf(value), x2: xOf(value), y1: PLOT.top, y2: PLOT.bottom, stroke: GRID }),
    ),
    ...fifths.map((value) =>
      element('line', { x1: xOf(value), x2: xOf(value), y1: HISTOGRAM.top, y2: HISTOGRAM.bottom, stroke: GRID }),
    ),
    ...fifths.map((value) =>
      element('line', { x1: PLOT.left, x2: PLOT.right, y1: yOf(value), y2: yOf(value), stroke: GRID }),
    ),
    element('rect', {
      x: PLOT.left,
      y: PLOT.top,
      width: PLOT.right - PLOT.left,
      height: PLOT.bottom - PLOT.top,
      fill: 'none',
      stroke: AXIS,
    }),
  ];
}
