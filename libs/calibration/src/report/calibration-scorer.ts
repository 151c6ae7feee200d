import { CalibrationBins } from './calibration-bins.js';
import type {
  CalibrationBin,
  CalibrationReport,
  CalibrationScores,
  CalibrationSegment,
  MurphyDecomposition,
} from './calibration-report.js';
import { type BinTotals, RowTotals } from './row-totals.js';

/** One resolved market as the scorer sees it. */
export interface ScoredMarket {
  /** Probability given to YES, in [0, 1]. */
  probability: number;
  /** 1 when YES happened. */
  outcome: 0 | 1;
  platform?: string | null;
  category?: string | null;
}

/**
 * Scores resolved markets one by one; rows are not kept. Every number of the report is a function of the set of rows
 * alone: their order changes no digit, because all sums are exact.
 */
export class CalibrationScorer {
  private readonly bins: CalibrationBins;
  /** One set of totals for each pair of platform and category; coarser totals are merged from these at the end. */
  private readonly totals = new Map<string | null, Map<string | null, RowTotals>>();

  /** @throws RangeError unless `bins` is a whole number from 2 to 100. */
  constructor({ bins }: { bins: number }) {
    this.bins = new CalibrationBins(bins);
  }

  /** @throws RangeError when the probability is outside [0, 1] or the outcome is neither 0 nor 1. */
  add({ probability, outcome, platform = null, category = null }: ScoredMarket): void {
    if (!(probability >= 0 && probability <= 1)) throw new RangeError('a probability must lie in [0, 1]');
    if (outcome !== 0 && outcome !== 1) throw new RangeError('an outcome must be 0 or 1');
    this.totalsOf(platform, category).add(probability, outcome);
  }

  /** The report on all rows added so far. @throws RangeError when there are none. */
  finish(): CalibrationReport {
    const parts: RowTotals[] = [];
    const platforms = new Map<string, RowTotals[]>();
    const categories = new Map<string, RowTotals[]>();
    for (const [platform, byCategory] of this.totals) {
      for (const [category, totals] of byCategory) {
        parts.push(totals);
        if (platform !== null) append(platforms, platform, totals);
        if (category !== null) append(categories, category, totals);
      }
    }
    if (parts.length === 0) throw new RangeError('there are no rows to score');

    const all = RowTotals.ofAll(parts, this.bins);
    const scores = scoresOf(all);
    return {
      ...scores,
      bins: Array.from({ length: this.bins.count }, (_, index) => this.binOf(all, index)),
      segments: { platform: this.segmentsOf(platforms), category: this.segmentsOf(categories) },
      murphy: murphyOf(all, scores),
    };
  }

  private totalsOf(platform: string | null, category: string | null): RowTotals {
    let byCategory = this.totals.get(platform);
    if (byCategory === undefined) this.totals.set(platform, (byCategory = new Map<string | null, RowTotals>()));
    let totals = byCategory.get(category);
    if (totals === undefined) byCategory.set(category, (totals = new RowTotals(this.bins)));
    return totals;
  }

  private segmentsOf(segments: Map<string, RowTotals[]>): CalibrationSegment[] {
    return [...segments]
      .map(([name, parts]) => ({ name, ...scoresOf(RowTotals.ofAll(parts, this.bins)) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  private binOf(totals: RowTotals, index: number): CalibrationBin {
    const bin = totals.bins[index];
    return {
      lower: this.bins.edge(index),
      upper: this.bins.edge(index + 1),
      count: bin?.count ?? 0,
      meanProbability: bin ? bin.probability.total() / bin.count : null,
      observedRate: bin ? bin.positives / bin.count : null,
    };
  }
}

function append(segments: Map<string, RowTotals[]>, name: string, part: RowTotals): void {
  const parts = segments.get(name);
  if (parts === undefined) segments.set(name, [part]);
  else parts.push(part);
}

function scoresOf(totals: RowTotals): CalibrationScores {
  const n = totals.count;
  // Within a bin, count · |mean probability − observed rate| is |sum of probabilities − number of YES|.
  const deviation = sumOverBins(totals, (bin) => Math.abs(bin.probability.total() - bin.positives));
  return {
    n,
    baseRate: totals.positives / n,
    brier: totals.squaredError.total() / n,
    logLoss: totals.logLoss.total() / n,
    ece: deviation / n,
  };
}

function murphyOf(totals: RowTotals, { n, baseRate, brier }: CalibrationScores): MurphyDecomposition {
  const reliability = sumOverBins(totals, (bin) => (bin.probability.total() - bin.positives) ** 2 / bin.count) / n;
  const resolution = sumOverBins(totals, (bin) => bin.count * (bin.positives / bin.count - baseRate) ** 2) / n;
  const uncertainty = baseRate * (1 - baseRate);
  // Stephenson et al. prove that the two extra components are exactly what the other three leave of the score. Taken as
  // this difference they keep the identity in the numbers shown.
  return { reliability, resolution, uncertainty, withinBin: brier - (reliability - resolution + uncertainty) };
}

function sumOverBins(totals: RowTotals, term: (bin: BinTotals) => number): number {
  // Always from the lowest bin to the highest, so that plain addition gives the same digits every time.
  return totals.bins.reduce((sum, bin) => (bin === undefined ? sum : sum + term(bin)), 0);
}
