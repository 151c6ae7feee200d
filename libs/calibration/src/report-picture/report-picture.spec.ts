import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { CalibrationScorer, type ScoredMarket } from '../report/calibration-scorer.js';
import { HEIGHT, HISTOGRAM, PLOT, WIDTH } from './layout.js';
import { compact, niceStep } from './number-text.js';
import { type NamedReport, reportPicture } from './report-picture.js';
import { textWidth } from './text-box.js';
import { wilsonInterval } from './wilson-interval.js';

interface Node {
  name: string;
  attributes: Record<string, string>;
  text: string;
}

/** The elements of a document, or an error where it is not well-formed: tags that do not match, stray `<` or `&`, attributes twice. */
function elementsOf(svg: string): Node[] {
  const nodes: Node[] = [];
  const open: Node[] = [];
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const [whole, closing, name = '', attributes = '', empty, text] of svg.matchAll(token)) {
    end += whole.length;
    if (/&(?!(amp|lt|gt|quot);)/.test(whole)) throw new Error(`a stray & in ${whole}`);
    if (text !== undefined) open.at(-1)!.text += unescaped(text);
    else if (closing === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes something else`);
    } else {
      const pairs = [...attributes.matchAll(/ ([a-zA-Z0-9-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [
        key,
        value,
      ]);
      const node = { name, attributes: Object.fromEntries(pairs) as Record<string, string>, text: '' };
      if (Object.keys(node.attributes).length !== pairs.length) throw new Error(`an attribute twice in ${whole}`);
      nodes.push(node);
      if (empty !== '/') open.push(node);
    }
  }
  if (end !== svg.length || open.length > 0) throw new Error(`not well-formed after ${svg.slice(end - 20, end + 20)}`);
  return nodes;
}

const CHARACTERS: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' };
const unescaped = (text: string) => text.replaceAll(/&[a-z]+;/g, (entity) => CHARACTERS[entity] ?? entity);

interface TextBox {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Where the texts are, as wide as they are estimated to be. */
function textBoxes(svg: string): TextBox[] {
  return elementsOf(svg)
    .filter(({ name }) => name === 'text')
    .map(({ attributes, text }) => {
      const size = Number(attributes['font-size']);
      const width = textWidth(text, size, attributes['font-weight'] === 'bold');
      const [up, down] = [0.8 * size, 0.25 * size];
      const sideways = /^translate\((\S+) (\S+)\) rotate\(-90\)$/.exec(attributes['transform'] ?? '');
      if (sideways !== null) {
        const [x, y] = [Number(sideways[1]), Number(sideways[2])];
        return { text, left: x - up, right: x + down, top: y - width / 2, bottom: y + width / 2 };
      }
      const [x, y] = [Number(attributes['x']), Number(attributes['y'])];
      const left = x - width * ({ middle: 0.5, end: 1 }[attributes['text-anchor'] ?? ''] ?? 0);
      return { text, left, right: left + width, top: y - up, bottom: y + down };
    });
}

/** Texts that reach out of the picture, and texts that lie on each other. */
function illegible(svg: string): string[] {
  const boxes = textBoxes(svg);
  const outside = boxes.filter((box) => box.left < 0 || box.right > WIDTH || box.top < 0 || box.bottom > HEIGHT);
  const overlaps = boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `"${a.text}" on "${b.text}"`),
  );
  return [...outside.map(({ text }) => `"${text}" reaches out`), ...overlaps];
}

function reportOn(markets: Iterable<ScoredMarket>, bins = 10, dataset = 'sample'): NamedReport {
  const scorer = new CalibrationScorer({ bins });
  for (const market of markets) scorer.add(market);
  return { dataset, ...scorer.finish() };
}

function marketsIn(file: URL): ScoredMarket[] {
  return parse<{ probability: string; outcome: string }>(readFileSync(file), { columns: true }).map(
    ({ probability, outcome }) => ({ probability: Number(probability), outcome: outcome === '1' ? 1 : 0 }),
  );
}

const sample = marketsIn(new URL('../../data/sample.csv', import.meta.url));
const textsOf = (svg: string) => textBoxes(svg).map(({ text }) => text);
const circlesOf = (svg: string) => elementsOf(svg).filter(({ name }) => name === 'circle').length - 2; // two in the legend

describe('the picture of a report', () => {
  it('says what it shows, to those who see it and to those who do not', () => {
    const svg = reportPicture(reportOn(sample));
    const [root, title, description] = elementsOf(svg);
    expect(root).toMatchObject({
      name: 'svg',
      attributes: { role: 'img', 'aria-labelledby': 'picture-title picture-description', viewBox: '0 0 480 694' },
    });
    expect(title).toEqual({
      name: 'title',
      attributes: { id: 'picture-title' },
      text: 'Reliability diagram of sample',
    });
    expect(description).toEqual({
      name: 'desc',
      attributes: { id: 'picture-description' },
      text:
        'n 42 · Brier 0.0330 · ECE 0.0893 · base rate 0.3810. 8 of 10 bins hold markets; in 0 of them the 95 % interval of the observed ' +
        'rate misses the diagonal of perfect calibration. The fullest bin, from 0 to 0.1, holds 18: forecast 0.016 on average, observed 0.000.',
    });
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining([
        'sample',
        'n 42 · Brier 0.0330 · ECE 0.0893 · base rate 0.3810',
        'Forecast probability of YES',
        'Observed rate of YES',
      ]),
    );
    expect(
      textBoxes(svg)
        .filter(({ bottom, top }) => top > HISTOGRAM.top - 5 && bottom < HISTOGRAM.bottom)
        .map(({ text }) => text),
    ).toEqual(expect.arrayContaining(['18', '1', '2', '3', '15']));
    expect(circlesOf(svg)).toBe(8);
  });

  it('is the same text for the same report, whatever the order of its rows', () => {
    expect(reportPicture(reportOn(sample.toReversed()))).toBe(reportPicture(reportOn(sample)));
  });

  it('holds nothing that could be run or fetched', () => {
    const names = new Set(elementsOf(reportPicture(reportOn(sample))).map(({ name }) => name));
    expect([...names].toSorted()).toEqual(['circle', 'desc', 'line', 'path', 'rect', 'svg', 'text', 'title']);
    expect(reportPicture(reportOn(sample))).not.toMatch(/style=|href|url\(| on[a-z]+=/);
  });

  it.each([
    ['markup', '</text><script>alert("1")</script>&lt;'],
    ['control characters and half a character', 'a\u0000b\u001bc\ud800d\ufffee'],
    ['64 wide characters', 'W'.repeat(64)],
    ['200 characters', 'name-'.repeat(40)],
    ['no character', ''],
  ])('shows a name with %s', (_, name) => {
    const svg = reportPicture(reportOn(sample, 10, name));
    elementsOf(svg);
    expect(svg).not.toContain('<script');
    expect(svg.isWellFormed() && Array.from(svg).every((one) => one >= ' ' && one !== '\ufffe')).toBe(true);
    expect(textBoxes(svg).every(({ right }) => right <= WIDTH)).toBe(true);
  });

  it('tells one market apart from none', () => {
    const svg = reportPicture(reportOn([{ probability: 0.3, outcome: 1 }], 2));
    expect(illegible(svg)).toEqual([]);
    expect(circlesOf(svg)).toBe(1);
    expect(textsOf(svg)).toContain('n 1 · Brier 0.4900 · ECE 0.7000 · base rate 1.0000');
  });

  it('shows the lone market of a bin beside a million others', () => {
    const report = reportOn([{ probability: 0.95, outcome: 1 }]);
    report.n = 1_000_001;
    report.bins[0] = { lower: 0, upper: 0.1, count: 1_000_000, meanProbability: 0.05, observedRate: 0.05 };
    const svg = reportPicture(report);
    expect(illegible(svg)).toEqual([]);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['1M', '1', 'n 1,000,001 · Brier 0.0025 · ECE 0.0500 · base rate 1.0000']),
    );
    const radii = elementsOf(svg).flatMap(({ name, attributes }) =>
      name === 'circle' ? [Number(attributes['r'])] : [],
    );
    expect(Math.min(...radii)).toBeGreaterThanOrEqual(2);
  });

  it('fills a point whose interval meets the diagonal, and leaves the others hollow', () => {
    const half = (count: number, probability: number) =>
      Array.from({ length: count }, (_, i): ScoredMarket => ({ probability, outcome: i % 2 === 0 ? 0 : 1 }));
    const svg = reportPicture(reportOn([...half(10, 0.45), ...half(1_000, 0.65)]));
    const points = elementsOf(svg)
      .filter(({ name }) => name === 'circle')
      .slice(0, 2);
    expect(points.map(({ attributes }) => attributes['fill'])).toEqual(['#fff', '#0b4f8a']);
  });

  const rows = fc.array(
    fc.record<ScoredMarket>({
      probability: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 1)),
      outcome: fc.constantFrom<(0 | 1)[]>(0, 1),
    }),
    { minLength: 1, maxLength: 300 },
  );

  it('is well-formed and legible for 2 to 100 bins of anything', () => {
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 2, max: 100 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (markets, bins, many) => {
          const report = reportOn(markets, bins);
          const widened = report.bins.map((bin) => ({ ...bin, count: bin.count * many }));
          for (const shown of [report, { ...report, n: report.n * many, bins: widened }]) {
            const svg = reportPicture(shown);
            expect(illegible(svg)).toEqual([]);
            expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
            for (const { name, attributes } of elementsOf(svg).slice(0, -3)) {
              if (name !== 'circle' || Number(attributes['cy']) > HISTOGRAM.bottom) continue;
              expect(Number(attributes['cx'])).toBeGreaterThanOrEqual(PLOT.left);
              expect(Number(attributes['cy'])).toBeGreaterThanOrEqual(PLOT.top);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  const resolved = new URL('../../../../../shared/data/resolved/', import.meta.url);
  const files = ['fivethirtyeight-nba', 'fivethirtyeight-nfl'].filter((name) =>
    existsSync(new URL(`${name}.csv`, resolved)),
  );
  for (const name of files) {
    it(`is legible for ${name}`, () => {
      const markets = marketsIn(new URL(`${name}.csv`, resolved));
      for (const bins of [2, 10, 11, 25, 100])
        expect(illegible(reportPicture(reportOn(markets, bins, name)))).toEqual([]);
    });
  }
});

describe('wilsonInterval', () => {
  // Of R's prop.test(x, n, correct = FALSE).
  it.each([
    [0, 10, 0, 0.2775328],
    [1, 1, 0.2065493, 1],
    [5, 10, 0.2365931, 0.7634069],
    [81, 263, 0.2552736, 0.3662065],
  ])('of %i in %i', (successes, trials, lower, upper) => {
    const interval = wilsonInterval(successes / trials, trials);
    expect(interval.lower).toBeCloseTo(lower, 4);
    expect(interval.upper).toBeCloseTo(upper, 4);
  });

  it('holds the share, and lies in [0, 1]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, part) => {
        const share = Math.round(part * trials) / trials;
        const { lower, upper } = wilsonInterval(share, trials);
        expect(0 <= lower && lower <= share && share <= upper && upper <= 1).toBe(true);
      }),
    );
  });
});

describe('counts in few characters', () => {
  it.each([
    [0, '0'],
    [987, '987'],
    [1_655, '1,655'],
    [9_999, '9,999'],
    [12_345, '12.3k'],
    [99_960, '100k'],
    [999_400, '999k'],
    [999_960, '1M'],
    [1_000_000, '1M'],
    [1_234_567_890, '1.2G'],
  ])('%i is %s', (count, text) => {
    expect(compact(count)).toBe(text);
  });

  it('makes two to five steps of an axis', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1e12 }), (highest) => {
        const steps = Math.floor(highest / niceStep(highest));
        expect(steps >= 1 && steps <= 5).toBe(true);
      }),
    );
  });
});
