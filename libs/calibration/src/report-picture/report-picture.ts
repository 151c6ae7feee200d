import type { CalibrationReport } from '../report/calibration-report.js';
import { histogram } from './histogram.js';
import { FAINT_INK, HEIGHT, HISTOGRAM, INK, MARGIN, PLOT, WIDTH, xOf, yOf } from './layout.js';
import { grouped } from './number-text.js';
import { marker, plottedBins, range, reliabilityPlot } from './reliability-plot.js';
import { element, escaped } from './svg.js';
import { shortened, textWidth } from './text-box.js';

/** A report with the name of the dataset that it is about. */
export interface NamedReport extends CalibrationReport {
  dataset: string;
}

/**
 * Draws a report as an SVG document: a reliability diagram (observed rate over forecast probability for each bin, with 95 % Wilson
 * intervals) and a histogram of the counts below. The same report always gives the same text. It holds no scripts, no styles and no
 * references to other files.
 */
export function reportPicture(report: NamedReport): string {
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      role: 'img',
      'aria-labelledby': 'picture-title picture-description',
      'font-family': "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif",
    },
    element('title', { id: 'picture-title' }, escaped(`Reliability diagram of ${report.dataset}`)),
    element('desc', { id: 'picture-description' }, escaped(description(report))),
    element('rect', { width: WIDTH, height: HEIGHT, fill: '#fff' }),
    ...heading(report),
    ...reliabilityPlot(report.bins),
    ...histogram(report.bins),
    ...axisLabels(),
    ...legend(),
  );
}

/** What the picture shows, in words. */
function description(report: NamedReport): string {
  const shown = plottedBins(report.bins);
  const missing = shown.filter(({ meetsDiagonal }) => !meetsDiagonal).length;
  const fullest = shown.toSorted((a, b) => b.bin.count - a.bin.count)[0];
  return [
    `${scores(report)}.`,
    `${shown.length} of ${report.bins.length} bins hold markets;`,
    `in ${missing} of them the 95 % interval of the observed rate misses the diagonal of perfect calibration.`,
    ...(fullest === undefined
      ? []
      : [
          `The fullest bin, from ${edge(fullest.bin.lower)} to ${edge(fullest.bin.upper)}, holds ${grouped(fullest.bin.count)}:`,
          `forecast ${fullest.meanProbability.toFixed(3)} on average, observed ${fullest.observedRate.toFixed(3)}.`,
        ]),
  ].join(' ');
}

function scores({ n, brier, ece, baseRate }: NamedReport): string {
  return `n ${grouped(n)} · Brier ${brier.toFixed(4)} · ECE ${ece.toFixed(4)} · base rate ${baseRate.toFixed(4)}`;
}

function edge(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}

function heading(report: NamedReport): string[] {
  const line = (y: number, fill: string) => ({ x: MARGIN, y, fill });
  return [
    element('text', { ...line(22, FAINT_INK), 'font-size': 13 }, 'Reliability diagram'),
    fitted(report.dataset, 20, { ...line(46, INK), 'font-weight': 'bold' }),
    fitted(scores(report), 14, line(70, INK)),
  ];
}

const SMALLEST_TEXT = 11;

/** A text across the picture, no larger than that, made smaller and in the end cut short to fit. */
function fitted(text: string, largest: number, attributes: Readonly<Record<string, string | number>>): string {
  const room = WIDTH - 2 * MARGIN;
  const bold = attributes['font-weight'] === 'bold';
  const fitting = Math.floor((largest * room) / textWidth(text, largest, bold));
  const size = Math.min(largest, Math.max(SMALLEST_TEXT, fitting));
  return element('text', { ...attributes, 'font-size': size }, escaped(shortened(text, size, room, bold)));
}

function axisLabels(): string[] {
  const ticks = ['0', '0.2', '0.4', '0.6', '0.8', '1'];
  const tick = { 'font-size': 13, fill: FAINT_INK };
  const below = { 'text-anchor': 'middle', y: HISTOGRAM.bottom + 18 };
  const beside = { 'text-anchor': 'end', x: PLOT.left - 8 };
  return [
    ...ticks.map((text) => element('text', { x: xOf(Number(text)), ...below, ...tick }, text)),
    ...ticks.map((text) => element('text', { ...beside, y: yOf(Number(text)) + 4, ...tick }, text)),
    sideways('Observed rate of YES', (PLOT.top + PLOT.bottom) / 2),
    sideways('Markets', (HISTOGRAM.top + HISTOGRAM.bottom) / 2),
    element(
      'text',
      {
        x: (PLOT.left + PLOT.right) / 2,
        y: HISTOGRAM.bottom + 40,
        'text-anchor': 'middle',
        'font-size': 14,
        fill: INK,
      },
      'Forecast probability of YES',
    ),
  ];
}

function sideways(text: string, y: number): string {
  const place = { transform: `translate(17 ${y}) rotate(-90)`, 'text-anchor': 'middle' };
  return element('text', { ...place, 'font-size': 14, fill: INK }, text);
}

function legend(): string[] {
  const entry = (x: number, filled: boolean, text: string) => [
    range(x, 647, 665, 4),
    marker(x, 656, 5.5, filled),
    element('text', { x: x + 13, y: 660.5, 'font-size': 13, fill: INK }, text),
  ];
  return [
    ...entry(24, true, 'interval meets the diagonal'),
    ...entry(262, false, 'interval misses it'),
    element(
      'text',
      { x: MARGIN, y: 683, 'font-size': 12, fill: FAINT_INK },
      'Dashed: perfect. Intervals: 95 %, Wilson. Area of a point: count.',
    ),
  ];
}
