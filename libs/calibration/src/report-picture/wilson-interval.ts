/** The 97.5 % quantile of the standard normal distribution: two-sided intervals of 95 %. */
const Z = 1.959963984540054;

export interface Interval {
  lower: number;
  upper: number;
}

/**
 * The 95 % score interval of a share. Unlike the usual ± 1.96 standard errors it stays within [0, 1] and says something for shares of 0
 * and 1 and for few trials. E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of
 * the American Statistical Association 22 (1927).
 * @param share observed, in [0, 1]
 * @param trials at least 1
 */
export function wilsonInterval(share: number, trials: number): Interval {
  const scale = 1 + Z ** 2 / trials;
  const centre = (share + Z ** 2 / (2 * trials)) / scale;
  const reach = (Z / scale) * Math.sqrt((share * (1 - share)) / trials + Z ** 2 / (4 * trials ** 2));
  // Rounding may put a bound of a share of 0 or 1 past the share itself.
  return { lower: Math.max(0, Math.min(share, centre - reach)), upper: Math.min(1, Math.max(share, centre + reach)) };
}
