import { CalibrationBins } from './calibration-bins.js';
import type {
  CalibrationBin,
  CalibrationReport,
  CalibrationScores,
  CalibrationSegment,
  MurphyDecomposition,
} from './calibration-report.js';
import { type BinTotals, RowTotals } from './row-totals.js';

/** A report with more segments of a kind would be of no use to anybody, and a column of ids would fill the memory. */
export const MAX_SEGMENTS = 1_000;
/** Pairs of platform and category are merged into the totals of each when there are this many. */
const MAX_PAIRS = 4_096;

/** One resolved market as the scorer sees it. */
export interface ScoredMarket {
  /** Probability given to YES, in [0, 1]. */
  probability: number;
  /** 1 when YES happened. */
  outcome: 0 | 1;
  platform?: string | null;
  category?: string | null;
}

/** Resolved markets that have all but their probabilities in common. */
export interface ScoredMarkets extends Omit<ScoredMarket, 'probability'> {
  /** Given to YES, in [0, 1]. */
  probabilities: Float64Array;
}

/**
 * Scores resolved markets; rows are not kept. Every number of the report is a function of the set of rows
 * alone: their order changes no digit, because all sums are exact.
 */
export class CalibrationScorer {
  private readonly bins: CalibrationBins;
  /** One set of totals for each pair of platform and category since the last time they were merged. */
  private readonly pairs = new Map<string | null, Map<string | null, RowTotals>>();
  private pairCount = 0;
  private readonly all: RowTotals;
  private readonly platforms: Segments;
  private readonly categories: Segments;

  /** @throws RangeError unless `bins` is a whole number from 2 to 100. */
  constructor({ bins }: { bins: number }) {
    this.bins = new CalibrationBins(bins);
    this.all = new RowTotals(this.bins);
    this.platforms = new Segments(this.bins);
    this.categories = new Segments(this.bins);
  }

  /** @throws RangeError when the probability is outside [0, 1] or the outcome is neither 0 nor 1. */
  add({ probability, ...rest }: ScoredMarket): void {
    this.addAll({ ...rest, probabilities: Float64Array.of(probability) });
  }

  /** @throws RangeError when a probability is outside [0, 1] or the outcome is neither 0 nor 1. */
  addAll({ probabilities, outcome, platform = null, category = null }: ScoredMarkets): void {
    if (outcome !== 0 && outcome !== 1) throw new RangeError('an outcome must be 0 or 1');
    const totals = this.pairOf(this.platforms.nameOf(platform), this.categories.nameOf(category));
    for (const probability of probabilities) {
      if (!(probability >= 0 && probability <= 1)) throw new RangeError('a probability must lie in [0, 1]');
      totals.add(probability, outcome);
    }
  }

  /** The report on all rows added so far. @throws RangeError when there are none. */
  finish(): CalibrationReport {
    this.mergePairs();
    const { all } = this;
    if (all.count === 0) throw new RangeError('there are no rows to score');

    const scores = scoresOf(all);
    const tooMany = [
      ...(this.platforms.areTooMany ? ['platform' as const] : []),
      ...(this.categories.areTooMany ? ['category' as const] : []),
    ];
    return {
      ...scores,
      bins: Array.from({ length: this.bins.count }, (_, index) => this.binOf(all, index)),
      segments: { platform: this.platforms.scored(), category: this.categories.scored() },
      ...(tooMany.length === 0 ? {} : { tooManySegments: tooMany }),
      murphy: murphyOf(all, scores),
    };
  }

  private pairOf(platform: string | null, category: string | null): RowTotals {
    let byCategory = this.pairs.get(platform);
    if (byCategory === undefined) this.pairs.set(platform, (byCategory = new Map<string | null, RowTotals>()));
    let totals = byCategory.get(category);
    if (totals !== undefined) return totals;

    if (this.pairCount === MAX_PAIRS) {
      this.mergePairs();
      return this.pairOf(this.platforms.nameOf(platform), this.categories.nameOf(category));
    }
    byCategory.set(category, (totals = new RowTotals(this.bins)));
    this.pairCount += 1;
    return totals;
  }

  private mergePairs(): void {
    for (const [platform, byCategory] of this.pairs) {
      for (const [category, totals] of byCategory) {
        this.all.merge(totals);
        this.platforms.merge(platform, totals);
        this.categories.merge(category, totals);
      }
    }
    this.pairs.clear();
    this.pairCount = 0;
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

/** The totals of the segments of one kind; of none once there turn out to be too many. */
class Segments {
  areTooMany = false;
  private readonly byName = new Map<string, RowTotals>();

  constructor(private readonly bins: CalibrationBins) {}

  /** The name under which a row counts: once the segments are too many, none. */
  nameOf(name: string | null): string | null {
    return this.areTooMany ? null : name;
  }

  merge(name: string | null, totals: RowTotals): void {
    if (name === null || this.areTooMany) return;
    let segment = this.byName.get(name);
    if (segment === undefined) {
      if (this.byName.size === MAX_SEGMENTS) {
        this.areTooMany = true;
        this.byName.clear();
        return;
      }
      this.byName.set(name, (segment = new RowTotals(this.bins)));
    }
    segment.merge(totals);
  }

  scored(): CalibrationSegment[] {
    return [...this.byName]
      .map(([name, totals]) => ({ name, ...scoresOf(totals) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
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
