import { createHash } from 'node:crypto';
import { type DatasetReport, escaped, plottedBins, reportPicture } from '@interlock/calibration';
import { REPORT_PAGE_STYLE } from './report-page.style.js';

const STYLE_HASH = createHash('sha256').update(REPORT_PAGE_STYLE).digest('base64');
const OWN_STYLE_ONLY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

/** Content-Security-Policy of the page: its one style sheet, and nothing else. */
export const REPORT_PAGE_POLICY = `${OWN_STYLE_ONLY}; frame-ancestors 'none'`;
/** Content-Security-Policy of the picture on its own. */
export const REPORT_PICTURE_POLICY =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/** More segments than this are not shown one by one; the JSON has them all. */
const MOST_SEGMENTS = 200;

/** A calibration's report as an HTML page of its own: picture and numbers, no scripts, nothing from elsewhere. */
export function reportPage(runId: string, report: DatasetReport): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${OWN_STYLE_ONLY}">
<title>${escaped(`Calibration of ${report.dataset}`)}</title>
<style>${REPORT_PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<p class="faint">Calibration report</p>
<h1>${escaped(report.dataset)}</h1>
<p class="faint">Run <code>${escaped(runId)}</code></p>
<p class="faint">Data, SHA-256 <code>${escaped(report.sha256)}</code></p>
</header>
${scores(report)}
<div class="columns">
<figure>${reportPicture(report)}</figure>
<div class="stack">
${murphy(report)}
${bins(report)}
</div>
</div>
<div class="stack pair">
${segments('Platforms', report, 'platform')}
${segments('Categories', report, 'category')}
</div>
</main>
</body>
</html>
`;
}

function scores({ n, baseRate, brier, logLoss, ece }: DatasetReport): string {
  const tile = (name: string, value: string, hint: string) =>
    `<div><dt>${name}</dt><dd>${value}</dd><dd>${hint}</dd></div>`;
  return `<dl class="scores">${[
    tile('Markets', grouped(n), 'resolved'),
    tile('Base rate', decimal(baseRate), 'share of YES'),
    tile('Brier score', decimal(brier), `0 is best; the base rate alone ${decimal(baseRate * (1 - baseRate))}`),
    tile('Log loss', decimal(logLoss), '0 is best'),
    tile('ECE', decimal(ece), 'expected calibration error; 0 is best'),
  ].join('')}</dl>`;
}

function murphy({ brier, murphy: { reliability, resolution, uncertainty, withinBin } }: DatasetReport): string {
  const rows = [
    ['Reliability', decimal(reliability), '0 is best'],
    ['− Resolution', decimal(resolution), 'more is better'],
    ['+ Uncertainty', decimal(uncertainty), 'of the outcomes'],
    ['+ Within bins', decimal(withinBin), 'what binning hides'],
  ];
  const sum = `<tr class="sum"><th scope="row">= Brier score</th><td>${decimal(brier)}</td><td></td></tr>`;
  return `<section><h2>What the Brier score is made of</h2>
<table class="parts"><tbody>${rows.map(row).join('')}${sum}</tbody></table></section>`;
}

function bins(report: DatasetReport): string {
  const shown = new Map(plottedBins(report.bins).map((plotted) => [plotted.bin, plotted]));
  const rows = report.bins.map((bin) => {
    const plotted = shown.get(bin);
    const values =
      plotted === undefined
        ? ['–', '–', '–']
        : [
            plotted.meanProbability.toFixed(3),
            plotted.observedRate.toFixed(3),
            `${plotted.interval.lower.toFixed(3)}–${plotted.interval.upper.toFixed(3)}`,
          ];
    return row([`${bin.lower.toFixed(2)}–${bin.upper.toFixed(2)}`, grouped(bin.count), ...values]);
  });
  return `<section><h2>Bins</h2>${table(['Bin', 'Count', 'Forecast', 'Observed', '95 % interval'], rows)}</section>`;
}

/** The largest first where not all are shown, else by name as in the report. */
function segments(title: string, report: DatasetReport, kind: 'platform' | 'category'): string {
  const all = report.segments[kind];
  if (all.length === 0) {
    const why = report.tooManySegments?.includes(kind)
      ? 'The dataset names more than 1,000, so none is listed.'
      : 'The dataset names none.';
    return `<section><h2>${title}</h2><p class="faint">${why}</p></section>`;
  }
  const shown = all.length > MOST_SEGMENTS ? all.toSorted((a, b) => b.n - a.n).slice(0, MOST_SEGMENTS) : all;
  const rows = shown.map(({ name, n, baseRate, brier, logLoss, ece }) =>
    row([name, grouped(n), ...[baseRate, brier, logLoss, ece].map(decimal)]),
  );
  const rest = all.length - shown.length;
  const note = rest === 0 ? '' : `<p class="faint">The largest; ${grouped(rest)} more are in the report as JSON.</p>`;
  return `<section><h2>${title}</h2>${table(['Name', 'n', 'Base rate', 'Brier', 'Log loss', 'ECE'], rows)}${note}</section>`;
}

function table(head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((name) => `<th scope="col">${name}</th>`).join('');
  return `<div class="table"><table><thead><tr>${cells}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function row([name = '', ...values]: readonly string[]): string {
  return `<tr><th scope="row">${escaped(name)}</th>${values.map((value) => `<td>${escaped(value)}</td>`).join('')}</tr>`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** With four decimals, a minus sign that is one, and none before zero. */
function decimal(value: number): string {
  return value
    .toFixed(4)
    .replace(/^-(?=[0.]+$)/, '')
    .replace('-', '−');
}
