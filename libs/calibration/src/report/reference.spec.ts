import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { CalibrationScorer } from './calibration-scorer.js';
import type { CalibrationReport } from './calibration-report.js';

const RESOLVED = new URL('../../../../../shared/data/resolved/', import.meta.url);
const REFERENCE = new URL('reference.json', RESOLVED);

interface Reference {
  all: Pick<CalibrationReport, 'n' | 'baseRate' | 'brier' | 'logLoss' | 'bins'> & { ece10: number };
}

interface MarketText {
  probability: string;
  outcome: string;
  platform: string;
  category: string;
}

function scoreFile(file: URL): CalibrationReport {
  const scorer = new CalibrationScorer({ bins: 10 });
  for (const market of parse<MarketText>(readFileSync(file), { columns: true })) {
    scorer.add({ ...market, probability: Number(market.probability), outcome: market.outcome === '1' ? 1 : 0 });
  }
  return scorer.finish();
}

describe('published results', () => {
  it('gives the Brier score that was published for the sample', () => {
    const report = scoreFile(new URL('../../data/sample.csv', import.meta.url));
    expect(report.n).toBe(42);
    expect(report.brier.toFixed(6)).toBe('0.032955');
    expect(report.segments.platform.map(({ name, n }) => ({ name, n }))).toEqual([{ name: 'kalshi', n: 42 }]);
    expect(report.segments.category.map(({ name, n }) => [name, n])).toEqual([
      ['KXEPLFIRSTGOAL', 3],
      ['KXEPLGOAL', 6],
      ['KXFRASUPERCUPADVANCE', 2],
      ['KXFRASUPERCUPGAME', 3],
      ['KXHOCHULMENTION', 14],
      ['KXSECPRESSMENTION', 14],
    ]);
  });
});

if (existsSync(REFERENCE)) {
  const references: Record<string, Reference> = JSON.parse(readFileSync(REFERENCE, 'utf8'));

  describe.each(Object.entries(references))('scikit-learn on %s', (name, { all }) => {
    const report = scoreFile(new URL(`${name}.csv`, RESOLVED));

    it.each([
      ['n', report.n, all.n],
      ['base rate', report.baseRate, all.baseRate],
      ['Brier score', report.brier, all.brier],
      ['log loss', report.logLoss, all.logLoss],
      ['expected calibration error', report.ece, all.ece10],
    ])('gives the same %s to 1e-9', (_, ours, theirs) => {
      expect(Math.abs(ours - theirs)).toBeLessThan(1e-9);
    });

    it('gives the same bins to 1e-9', () => {
      expect(report.bins).toHaveLength(all.bins.length);
      report.bins.forEach((bin, i) => {
        const theirs = all.bins[i];
        expect(bin.count).toBe(theirs?.count);
        for (const key of ['lower', 'upper', 'meanProbability', 'observedRate'] as const) {
          expect(Math.abs((bin[key] ?? NaN) - (theirs?.[key] ?? NaN))).toBeLessThan(1e-9);
        }
      });
    });
  });
} else {
  describe('scikit-learn', () => {
    it('NOT CHECKED: the reference data (../shared/data/resolved/reference.json) are missing', () => {
      expect(existsSync(REFERENCE)).toBe(false);
    });
  });
}
