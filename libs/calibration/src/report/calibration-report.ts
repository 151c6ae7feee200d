/** How well probabilities of YES agreed with what happened. All scores are means over the rows. */
export interface CalibrationReport extends CalibrationScores {
  /** Equal in width, in order from 0 to 1. */
  bins: CalibrationBin[];
  /**
   * The same scores for each platform and category, sorted by name (by UTF-16 code unit). Rows that name no platform (or
   * no category) belong to no segment of that kind, so the segments' `n` may add up to less than the report's. Of a kind with more
   * than 1,000 segments none is listed.
   */
  segments: { platform: CalibrationSegment[]; category: CalibrationSegment[] };
  /** The kinds of which none is listed because they have more than 1,000 segments; absent when there is no such kind. */
  tooManySegments?: ('platform' | 'category')[];
  murphy: MurphyDecomposition;
}

export interface CalibrationScores {
  /** Number of rows, at least 1. */
  n: number;
  /** Share of rows whose outcome is YES, in [0, 1]. */
  baseRate: number;
  /** Brier score in [0, 1], 0 being best: mean of (probability − outcome)². G. W. Brier, Monthly Weather Review 78 (1950). */
  brier: number;
  /** Mean of −ln(probability given to what happened), the probability being clipped to [1e-15, 1 − 1e-15]. 0 is best. */
  logLoss: number;
  /** Expected calibration error in [0, 1]: mean over the rows of |mean probability − observed rate| of the row's bin. */
  ece: number;
}

export interface CalibrationSegment extends CalibrationScores {
  name: string;
}

/** Holds the rows with `lower <= probability < upper`; the last bin also those with probability 1. */
export interface CalibrationBin {
  lower: number;
  upper: number;
  count: number;
  /** Null when the bin is empty. */
  meanProbability: number | null;
  /** Share of YES, in [0, 1]. Null when the bin is empty. */
  observedRate: number | null;
}

/**
 * `brier = reliability − resolution + uncertainty + withinBin`, over the report's bins.
 *
 * The first three are from A. H. Murphy, "A New Vector Partition of the Probability Score", Journal of Applied
 * Meteorology 12 (1973); they add up to the score only when all probabilities of a bin are equal. What is missing
 * otherwise is from D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, "Two Extra Components in the Brier Score
 * Decomposition", Weather and Forecasting 23 (2008).
 */
export interface MurphyDecomposition {
  /** Mean of (bin's mean probability − bin's observed rate)²: 0 is best. */
  reliability: number;
  /** Mean of (bin's observed rate − base rate)²: more is better. */
  resolution: number;
  /** baseRate · (1 − baseRate): what a constant forecast of the base rate would score. */
  uncertainty: number;
  /** Variance of the probabilities within bins less twice their covariance with the outcomes there. May be negative. */
  withinBin: number;
}
