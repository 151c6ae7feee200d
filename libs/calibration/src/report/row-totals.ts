import type { CalibrationBins } from './calibration-bins.js';
import { ExactSum } from './exact-sum.js';

/** Scores clip probabilities this far from 0 and 1, so that one certain and wrong row costs 34.5, not infinity. */
const LOG_LOSS_CLIP = 1e-15;

/** Exact totals of some rows, from which every score is made. Totals of disjoint sets of rows can be merged. */
export class RowTotals {
  count = 0;
  positives = 0;
  readonly squaredError = new ExactSum();
  readonly logLoss = new ExactSum();
  /** By index of the bin; absent where no row fell. */
  readonly bins: (BinTotals | undefined)[];

  constructor(private readonly layout: CalibrationBins) {
    this.bins = Array.from({ length: layout.count });
  }

  add(probability: number, outcome: 0 | 1): void {
    this.count += 1;
    this.positives += outcome;
    this.squaredError.add((probability - outcome) ** 2);
    this.logLoss.add(logLossOf(probability, outcome));
    const bin = this.bin(this.layout.indexOf(probability));
    bin.count += 1;
    bin.positives += outcome;
    bin.probability.add(probability);
  }

  /** Adds all rows of another set, which has none in common with this one. */
  merge(other: RowTotals): void {
    this.count += other.count;
    this.positives += other.positives;
    this.squaredError.merge(other.squaredError);
    this.logLoss.merge(other.logLoss);
    other.bins.forEach((theirs, index) => {
      if (theirs === undefined) return;
      const bin = this.bin(index);
      bin.count += theirs.count;
      bin.positives += theirs.positives;
      bin.probability.merge(theirs.probability);
    });
  }

  private bin(index: number): BinTotals {
    return (this.bins[index] ??= { count: 0, positives: 0, probability: new ExactSum() });
  }
}

export interface BinTotals {
  count: number;
  positives: number;
  probability: ExactSum;
}

function logLossOf(probability: number, outcome: 0 | 1): number {
  const clipped = Math.min(Math.max(probability, LOG_LOSS_CLIP), 1 - LOG_LOSS_CLIP);
  return outcome === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
}
