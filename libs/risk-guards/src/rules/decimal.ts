/** An exact decimal: `units` · 10^-`scale`. Guards compare money with it, never floats. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const DECIMALS = 8;

/** Plain or exponential decimal notation, as PostgreSQL and JavaScript write numbers; null when it is none (NaN, Infinity, text). */
export function parseDecimal(value: string | number): Decimal | null {
  const match = /^(-?)(\d{1,400})(?:\.(\d{1,400}))?(?:e([+-]?\d{1,3}))?$/i.exec(String(value));
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const units = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

/** @throws RangeError when the value is no number */
export function decimal(value: string | number): Decimal {
  const parsed = parseDecimal(value);
  if (parsed === null) throw new RangeError(`not a decimal number: ${String(value).slice(0, 40)}`);
  return parsed;
}

/** Below 0, 0 or above 0, as `a` is less than, equal to or greater than `b`. */
export function compare(a: Decimal, b: Decimal): number {
  const difference = subtract(a, b).units;
  return difference === 0n ? 0 : difference > 0n ? 1 : -1;
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: scaledTo(a, scale) - scaledTo(b, scale), scale };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: scaledTo(a, scale) + scaledTo(b, scale), scale };
}

/** Exact: the scales add up. */
export function times(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

/** Of what is not below zero, to 8 decimals: those of every amount that is stored. */
export function roundedUp({ units, scale }: Decimal): Decimal {
  if (scale <= DECIMALS) return { units, scale };
  const step = 10n ** BigInt(scale - DECIMALS);
  return { units: (units + step - 1n) / step, scale: DECIMALS };
}

export function absolute({ units, scale }: Decimal): Decimal {
  return { units: units < 0n ? -units : units, scale };
}

/** True when `value` is a whole multiple of `step`, which is above 0. */
export function isMultipleOf(value: Decimal, step: Decimal): boolean {
  const scale = Math.max(value.scale, step.scale);
  return scaledTo(value, scale) % scaledTo(step, scale) === 0n;
}

/** Plain notation without trailing zeros, such as "0.5". */
export function formatDecimal({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

const POWERS_OF_TEN = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

function powerOfTen(exponent: number): bigint {
  return POWERS_OF_TEN[exponent] ?? 10n ** BigInt(exponent);
}

function scaledTo({ units, scale }: Decimal, wanted: number): bigint {
  return wanted === scale ? units : units * powerOfTen(wanted - scale);
}
