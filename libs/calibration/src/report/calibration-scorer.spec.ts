import * as fc from 'fast-check';
import { CalibrationScorer, MAX_SEGMENTS, type ScoredMarket } from './calibration-scorer.js';
import type { CalibrationReport } from './calibration-report.js';

function score(markets: readonly ScoredMarket[], bins = 10): CalibrationReport {
  const scorer = new CalibrationScorer({ bins });
  for (const market of markets) scorer.add(market);
  return scorer.finish();
}

const names = fc.constantFrom('alpha', 'beta', 'Gamma', 'δ', null);
const edges = fc.tuple(fc.nat({ max: 100 }), fc.integer({ min: 1, max: 100 })).map(([i, of]) => Math.min(1, i / of));
const market: fc.Arbitrary<ScoredMarket> = fc.record({
  probability: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), edges),
  outcome: fc.constantFrom<(0 | 1)[]>(0, 1),
  platform: names,
  category: names,
});
const markets = fc.array(market, { minLength: 1, maxLength: 100 });
const binCounts = fc.integer({ min: 2, max: 100 });

describe('CalibrationScorer', () => {
  it('shows the same digits for every order of the rows', () => {
    const ordered = markets.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
    );
    fc.assert(
      fc.property(ordered, binCounts, ([rows, shuffled], bins) => {
        expect(JSON.stringify(score(shuffled, bins))).toBe(JSON.stringify(score(rows, bins)));
      }),
    );
  });

  it('splits the Brier score into reliability − resolution + uncertainty + withinBin', () => {
    fc.assert(
      fc.property(markets, binCounts, (rows, bins) => {
        const { brier, murphy } = score(rows, bins);
        const { reliability, resolution, uncertainty, withinBin } = murphy;
        expect(reliability - resolution + uncertainty + withinBin).toBeCloseTo(brier, 14);
        expect(withinBin).toBeCloseTo(withinBinComponents(rows, bins), 12);
      }),
    );
  });

  it('puts a probability into the bin with i/bins <= p < (i+1)/bins, 1 into the last', () => {
    fc.assert(
      fc.property(market, binCounts, (row, bins) => {
        const filled = score([row], bins).bins.findIndex((bin) => bin.count === 1);
        expect(filled).toBe(binByDefinition(row.probability, bins));
      }),
      { numRuns: 2_000 },
    );
  });

  it('decides every edge by the quotient', () => {
    for (let bins = 2; bins <= 100; bins += 1) {
      for (let i = 0; i < bins; i += 1) {
        const report = score([{ probability: i / bins, outcome: 0 }], bins);
        expect(report.bins[i]).toEqual({
          lower: i / bins,
          upper: (i + 1) / bins,
          count: 1,
          meanProbability: i / bins,
          observedRate: 0,
        });
      }
    }
  });

  it('agrees with the definitions, taken term by term', () => {
    fc.assert(
      fc.property(markets, binCounts, (rows, bins) => {
        const report = score(rows, bins);
        expect(report.n).toBe(rows.length);
        expect(report.baseRate).toBeCloseTo(mean(rows.map((row) => row.outcome)), 12);
        expect(report.brier).toBeCloseTo(mean(rows.map((row) => (row.probability - row.outcome) ** 2)), 12);
        expect(report.ece).toBeCloseTo(eceByDefinition(rows, bins), 12);
        expect(report.bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(rows.length);
      }),
    );
  });

  it('scores one row', () => {
    expect(score([{ probability: 0.25, outcome: 1, platform: 'kalshi' }], 2)).toEqual({
      n: 1,
      baseRate: 1,
      brier: 0.5625,
      logLoss: -Math.log(0.25),
      ece: 0.75,
      bins: [
        { lower: 0, upper: 0.5, count: 1, meanProbability: 0.25, observedRate: 1 },
        { lower: 0.5, upper: 1, count: 0, meanProbability: null, observedRate: null },
      ],
      segments: {
        platform: [{ name: 'kalshi', n: 1, baseRate: 1, brier: 0.5625, logLoss: -Math.log(0.25), ece: 0.75 }],
        category: [],
      },
      murphy: { reliability: 0.5625, resolution: 0, uncertainty: 0, withinBin: 0 },
    });
  });

  it('scores rows that all fall into one bin', () => {
    const rows = ([0, 1, 1, 0] as const).map((outcome) => ({ probability: 0.5, outcome }));
    const report = score(rows);
    expect(report.bins.map((bin) => bin.count)).toEqual([0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    expect(report).toMatchObject({ brier: 0.25, ece: 0, logLoss: Math.log(2) });
    expect(report.murphy).toEqual({ reliability: 0, resolution: 0, uncertainty: 0.25, withinBin: 0 });
  });

  it('clips the log loss of certain probabilities at 1e-15 and nothing else', () => {
    expect(score([{ probability: 0, outcome: 1 }])).toMatchObject({ brier: 1, ece: 1, logLoss: -Math.log(1e-15) });
    expect(score([{ probability: 1, outcome: 0 }])).toMatchObject({ brier: 1, ece: 1 });
    expect(score([{ probability: 1, outcome: 0 }]).logLoss).toBeCloseTo(-Math.log(1 - (1 - 1e-15)), 12);
    expect(score([{ probability: 1, outcome: 1 }])).toMatchObject({ brier: 0, ece: 0 });
    expect(score([{ probability: 0, outcome: 0 }]).logLoss).toBeCloseTo(1e-15, 20);
  });

  it('scores each segment as if it were alone, sorted by name, and leaves nameless rows out of segments', () => {
    fc.assert(
      fc.property(markets, binCounts, (rows, bins) => {
        const { segments } = score(rows, bins);
        for (const kind of ['platform', 'category'] as const) {
          const named = [...new Set(rows.flatMap((row) => row[kind] ?? []))];
          const expected = named
            .toSorted((a, b) => (a < b ? -1 : 1))
            .map((name) => {
              const { n, baseRate, brier, logLoss, ece } = score(
                rows.filter((row) => row[kind] === name),
                bins,
              );
              return { name, n, baseRate, brier, logLoss, ece };
            });
          expect(segments[kind]).toEqual(expected);
        }
      }),
    );
  });

  it.each([1, 101, 2.5, NaN])('refuses %s bins', (bins) => {
    expect(() => new CalibrationScorer({ bins })).toThrow(RangeError);
  });

  it.each([NaN, -0.1, 1.0000001, Infinity])('refuses the probability %s', (probability) => {
    expect(() => new CalibrationScorer({ bins: 10 }).add({ probability, outcome: 1 })).toThrow(RangeError);
  });

  it('refuses to report on no rows', () => {
    expect(() => new CalibrationScorer({ bins: 10 }).finish()).toThrow('no rows');
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function binByDefinition(probability: number, bins: number): number {
  for (let i = 0; i < bins - 1; i += 1) {
    if (i / bins <= probability && probability < (i + 1) / bins) return i;
  }
  return bins - 1;
}

function rowsByBin(rows: readonly ScoredMarket[], bins: number): ScoredMarket[][] {
  return Array.from({ length: bins }, (_, i) => rows.filter((row) => binByDefinition(row.probability, bins) === i));
}

function eceByDefinition(rows: readonly ScoredMarket[], bins: number): number {
  return rowsByBin(rows, bins)
    .filter((bin) => bin.length > 0)
    .map((bin) => bin.length * Math.abs(mean(bin.map((row) => row.probability)) - mean(bin.map((row) => row.outcome))))
    .reduce((sum, term) => sum + term / rows.length, 0);
}

/** Within-bin variance less twice the within-bin covariance, as Stephenson et al. (2008) define them. */
function withinBinComponents(rows: readonly ScoredMarket[], bins: number): number {
  let sum = 0;
  for (const bin of rowsByBin(rows, bins).filter((members) => members.length > 0)) {
    const probability = mean(bin.map((row) => row.probability));
    const rate = mean(bin.map((row) => row.outcome));
    for (const row of bin) {
      const deviation = row.probability - probability;
      sum += deviation ** 2 - 2 * deviation * (row.outcome - rate);
    }
  }
  return sum / rows.length;
}

describe('many segments', () => {
  const scored = (rows: readonly ScoredMarket[]) => {
    const scorer = new CalibrationScorer({ bins: 10 });
    for (const row of rows) scorer.add(row);
    return scorer.finish();
  };
  const named = (platforms: number, categories: number): ScoredMarket[] =>
    Array.from({ length: 20_000 }, (_, i) => ({
      probability: ((i * 7_919) % 1_000) / 1_000,
      outcome: i % 3 === 0 ? 1 : 0,
      platform: `p-${i % platforms}`,
      category: `c-${i % categories}`,
    }));

  it('are all listed up to 1,000 of a kind, in whatever order the rows come', () => {
    const rows = named(MAX_SEGMENTS - 1, MAX_SEGMENTS);
    const report = scored(rows);
    expect(report.segments.platform).toHaveLength(MAX_SEGMENTS - 1);
    expect(report.segments.category).toHaveLength(MAX_SEGMENTS);
    expect(report.tooManySegments).toBeUndefined();
    expect(scored(rows.toReversed())).toEqual(report);
    const one = rows.filter(({ category }) => category === 'c-7');
    const { bins: _, segments: __, murphy: ___, ...alone } = scored(one);
    expect(report.segments.category.find(({ name }) => name === 'c-7')).toEqual({ name: 'c-7', ...alone });
  });

  it('are left out beyond that, which the report says', () => {
    const rows = named(3, 20_000);
    const report = scored(rows);
    expect(report.segments.category).toEqual([]);
    expect(report.segments.platform).toHaveLength(3);
    expect(report.tooManySegments).toEqual(['category']);
    expect(report.n).toBe(20_000);
    expect(scored(rows.toReversed())).toEqual(report);
    expect(scored(named(MAX_SEGMENTS + 1, MAX_SEGMENTS + 1)).tooManySegments).toEqual(['platform', 'category']);
  });
});
