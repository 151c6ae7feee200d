/**
 * A sum of finite numbers that loses no digit: the total is the true sum of the addends, rounded once. So it is the same
 * to the last bit for every order of the addends and for every way of splitting them over several sums and merging those.
 *
 * Each addend is cut along fixed grids (multiples of 2^-16, then of 2^-36, 2^-56, …). The pieces on one grid are whole
 * multiples of it and are added in one double, which stays exact while their sum is below 2^53 grid steps: for addends of
 * magnitude below 64, that is more than 2^31 of them. Probabilities and their losses need three or four pieces each.
 */
export class ExactSum {
  /** Sums of the pieces, one per grid, coarsest first. Grows only as far down as the addends have digits. */
  private readonly pieces: number[] = [0, 0, 0, 0];

  /** Adds a finite number of magnitude below 64. */
  add(value: number): void {
    let rest = value;
    for (let level = 0; rest !== 0; level += 1) {
      // Adding and taking away a number whose own last digit is one grid step rounds to the grid; both steps are exact
      // but for that rounding, and so is the rest.
      const shift = gridShift(level);
      const piece = rest + shift - shift;
      this.pieces[level] = (this.pieces[level] ?? 0) + piece;
      rest -= piece;
    }
  }

  /** Adds everything that was added to the other sum. */
  merge(other: ExactSum): void {
    other.pieces.forEach((piece, level) => {
      this.pieces[level] = (this.pieces[level] ?? 0) + piece;
    });
  }

  /** The sum, correctly rounded (to nearest, ties to even). */
  total(): number {
    return roundedSum(this.pieces);
  }
}

const FIRST_GRID_EXPONENT = -16;
const GRID_EXPONENT_STEP = -20;

/** 1.5 · 2^52 grid steps for each level, down to the smallest double (2^-1074). */
const GRID_SHIFTS = Float64Array.from(
  { length: Math.ceil((1074 + FIRST_GRID_EXPONENT) / -GRID_EXPONENT_STEP) + 1 },
  (_, level) => 1.5 * 2 ** (52 + FIRST_GRID_EXPONENT + level * GRID_EXPONENT_STEP),
);

function gridShift(level: number): number {
  const shift = GRID_SHIFTS[level];
  if (shift === undefined) throw new RangeError('an exact sum takes finite numbers only');
  return shift;
}

/**
 * The correctly rounded sum of any finite numbers: partial sums that do not overlap, after J. R. Shewchuk, "Adaptive
 * Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates" (1997), added from the largest down.
 */
function roundedSum(values: readonly number[]): number {
  let partials: number[] = [];
  for (const value of values) {
    const next: number[] = [];
    let carried = value;
    for (const partial of partials) {
      const [sum, error] = sumWithError(carried, partial);
      if (error !== 0) next.push(error);
      carried = sum;
    }
    next.push(carried);
    partials = next;
  }

  let total = partials.pop() ?? 0;
  for (let partial = partials.pop(); partial !== undefined; partial = partials.pop()) {
    const [sum, error] = sumWithError(total, partial);
    total = sum;
    if (error === 0) continue;
    // Exactly half a step was rounded off to even, but a smaller partial of the same sign remains: the true sum lies on
    // the far side of the middle.
    const smaller = partials.pop() ?? 0;
    if (smaller !== 0 && Math.sign(error) === Math.sign(smaller)) {
      const doubled = 2 * error;
      const corrected = total + doubled;
      if (corrected - total === doubled) total = corrected;
    }
    break;
  }
  return total;
}

/** a + b as the rounded sum and what the rounding took away. */
function sumWithError(a: number, b: number): [sum: number, error: number] {
  const [large, small] = Math.abs(a) < Math.abs(b) ? [b, a] : [a, b];
  const sum = large + small;
  return [sum, small - (sum - large)];
}
