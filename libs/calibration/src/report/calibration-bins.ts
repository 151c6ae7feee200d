const MIN_BINS = 2;
const MAX_BINS = 100;

/** Bins of equal width over [0, 1]: bin i holds `i/count <= p < (i+1)/count`, the last one also p = 1. */
export class CalibrationBins {
  /** `edges[i]` is the quotient i/count: the lower edge of bin i and the upper edge of the one before. */
  private readonly edges: Float64Array;

  /** @throws RangeError unless `count` is a whole number from 2 to 100. */
  constructor(readonly count: number) {
    if (!Number.isInteger(count) || count < MIN_BINS || count > MAX_BINS) {
      throw new RangeError(`the number of bins must be a whole number from ${MIN_BINS} to ${MAX_BINS}`);
    }
    this.edges = Float64Array.from({ length: count + 1 }, (_, i) => i / count);
  }

  /** The edge below bin i, which is the edge above bin i − 1; i from 0 to `count`. */
  edge(i: number): number {
    const edge = this.edges[i];
    if (edge === undefined) throw new RangeError(`there is no bin edge ${i}`);
    return edge;
  }

  /** Index of the bin that holds a probability in [0, 1]. */
  indexOf(probability: number): number {
    let index = Math.min(this.count - 1, Math.floor(probability * this.count));
    // The product is rounded (0.29 · 100 is 28.999…), so the index can be off by one: the quotients decide.
    while (probability < this.edge(index)) index -= 1;
    while (index < this.count - 1 && probability >= this.edge(index + 1)) index += 1;
    return index;
  }
}
