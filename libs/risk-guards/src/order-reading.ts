import { RiskStateUnavailable } from './risk-state.js';
import { type Decimal, decimal, formatDecimal, parseDecimal } from './rules/decimal.js';
import { covers, kindOf, type Limit, Limits } from './rules/limits.js';
import type { Quote } from './rules/market-data.js';
import type { UnpricedIntent } from './rules/order-intent.js';
import { LIMIT_RULES, type LimitRule } from './rules/refusal.js';

/** A narrower total: of a rule in a venue, a market or a strategy, within one mode. */
export interface Count {
  readonly rule: 'orderRate' | 'cancels' | 'openOrders' | 'position';
  readonly kind: string;
  readonly name: string;
  readonly mode: string;
}

/**
 * As the function `read_order_state` answers. Amounts are text, durations milliseconds. Sums of a strategy without a name are those of the
 * whole mode.
 */
export interface OrderStateRecord {
  day: string | null;
  limits: [rule: string, scope: string, value: string][] | null;
  exposures: [mode: string, strategy: string, value: string, workingOrders: number][] | null;
  results: [mode: string, strategy: string, loss: string, net: string][] | null;
  rates: [mode: string, orders: number][] | null;
  streaks: [mode: string, strategy: string, losses: number][] | null;
  runCaps: [mode: string, strategy: string, maxPosition: string][] | null;
  quotes: QuoteRecord[] | null;
  positions: [string, string, string, string, string, quantity: string, workingSell: string][] | null;
  accounts: [venue: string, account: string, free: string][] | null;
  venues: [venue: string, account: string, state: VenueState, message: string | null, reconciled: boolean][] | null;
  own: OwnRecord[] | null;
  alike?: [number: number, agoMs: number | null][] | null;
  marks?: [mode: string, strategy: string, unrealized: string, losses: string, isUnknown: boolean][] | null;
  highs?: [mode: string, strategy: string, high: string][] | null;
  counts?: [rule: Count['rule'], kind: string, name: string, mode: string, value: string | null][] | null;
}

type QuoteRecord = [
  venue: string,
  market: string,
  outcome: string,
  status: Quote['status'],
  tick: string,
  minimumQuantity: string,
  bestBid: string | null,
  bestAsk: string | null,
  ageMs: number,
  closesInMs: number | null,
  rules: Quote['fees']['rules'],
  feeRate: string,
  feeExponent: number,
];

/** Best price of working orders on a side: the lowest of sales, the highest of purchases. */
type OwnRecord = [
  venue: string,
  account: string,
  market: string,
  outcome: string,
  side: 'BUY' | 'SELL',
  lowest: string | null,
  highest: string | null,
  hasNoPrice: boolean,
];

export type VenueState = 'OPEN' | 'POST_ONLY' | 'CANCEL_ONLY' | 'RESTARTING' | 'PAUSED' | 'UNREACHABLE';

/** What the guards of orders compare with; keys are made by `keyOf`. */
export interface OrderReading {
  readonly day: string;
  readonly limits: Limits;
  readonly exposures: Map<string, { value: Decimal; orders: number }>;
  readonly results: Map<string, { loss: Decimal; net: Decimal }>;
  readonly rates: Map<string, number>;
  readonly streaks: Map<string, number>;
  readonly runCaps: Map<string, Decimal>;
  readonly quotes: Map<string, Quote>;
  readonly holdings: Map<string, { held: Decimal; promised: Decimal }>;
  readonly freeCash: Map<string, Decimal>;
  readonly venues: Map<string, { state: VenueState; message: string | null; reconciled: boolean }>;
  readonly own: Map<string, { lowest: Decimal | null; highest: Decimal | null; any: boolean }>;
  /** Milliseconds since the latest order alike, by the intent's number. */
  readonly alike: Map<number, number>;
  readonly marks: Map<string, { unrealized: Decimal; losses: Decimal; isUnknown: boolean }>;
  readonly highs: Map<string, Decimal>;
  readonly counts: Map<string, Decimal>;
  /** Strategies that hold, work or have lost something in the mode, where all were asked for. */
  strategiesIn(mode: string): string[];
}

/** One text of several parts, for maps. */
export function keyOf(first: string, ...rest: readonly string[]): string {
  let key = first;
  for (const part of rest) key += `\u0000${part}`;
  return key;
}

/** Parameters of the function `read_order_state`: what the intents are judged by under these limits. */
export function readingParameters(intents: readonly UnpricedIntent[], known: Limits): unknown[] {
  const windows = known.all('duplicate').map(({ limit }) => Number(formatDecimal(limit)));
  return [
    JSON.stringify(wishesOf(intents, windows.length > 0)),
    JSON.stringify(countsWanted(intents, known)),
    needsMarks(known),
    windows.length === 0 ? null : Math.max(...windows),
    strategiesWanted(intents, known),
  ];
}

/** Those of the intents, and those whose day's high is kept. */
function strategiesWanted(intents: readonly UnpricedIntent[], known: Limits): string[] {
  const withHighs = known.all('drawdown').filter(({ scope }) => kindOf(scope) === 'strategy');
  return [
    ...new Set([
      ...intents.map(({ strategy }) => strategy),
      ...withHighs.map(({ scope }) => scope.slice('strategy:'.length)),
    ]),
  ];
}

/** True where open positions must be valued. */
export function needsMarks(limits: Limits): boolean {
  return limits.all('totalDailyLoss').length > 0 || limits.all('drawdown').length > 0;
}

/** Totals that are kept per mode and strategy come with every reading; those of venues and markets only where they are limited. */
function countsWanted(intents: readonly UnpricedIntent[], limits: Limits): Count[] {
  const wanted = new Map<string, Count>();
  const want = (count: Count) => wanted.set(keyOf(count.rule, count.kind, count.name, count.mode), count);
  for (const { rule, scope } of limits) {
    const kind = kindOf(scope);
    const name = scope.slice(kind.length + 1);
    for (const intent of intents.filter((one) => covers(scope, one))) {
      const { mode } = intent;
      const isNarrow = kind === 'venue' || kind === 'market';
      if (rule === 'orderRate' && (isNarrow || kind === 'strategy')) want({ rule, kind, name, mode });
      if ((rule === 'openOrders' || rule === 'position') && isNarrow) want({ rule, kind, name, mode });
      if (rule === 'messageRate') {
        want({ rule: 'cancels', kind, name: kind === 'strategy' ? name : '', mode });
        if (kind === 'strategy') want({ rule: 'orderRate', kind, name, mode });
      }
    }
  }
  return [...wanted.values()];
}

/** @throws RiskStateUnavailable when something is missing or no number */
export function readingOfOrders(state: OrderStateRecord): OrderReading {
  if (state.day === null) throw new RiskStateUnavailable('the day');
  if (state.limits === null) throw new RiskStateUnavailable('the limits');
  return {
    day: state.day,
    limits: new Limits(state.limits.map(([rule, scope, value]) => limitOf(rule, scope, value))),
    exposures: mapOf(state.exposures, ([mode, strategy, value, orders]) => [
      keyOf(mode, strategy),
      { value: numberIn(value, `the exposure of ${strategy}`), orders },
    ]),
    results: mapOf(state.results, ([mode, strategy, loss, net]) => [
      keyOf(mode, strategy),
      { loss: numberIn(loss, `today's losses of ${strategy}`), net: numberIn(net, `today's result of ${strategy}`) },
    ]),
    rates: mapOf(state.rates, ([mode, orders]) => [mode, countIn(orders, `the order rate in mode:${mode}`)]),
    streaks: mapOf(state.streaks, ([mode, strategy, losses]) => [keyOf(mode, strategy), losses]),
    runCaps: mapOf(state.runCaps, ([mode, strategy, cap]) => [keyOf(mode, strategy), numberIn(cap, 'a run')]),
    quotes: mapOf(state.quotes, (quote) => [keyOf(quote[0], quote[1], quote[2]), quoteOf(quote)]),
    holdings: mapOf(state.positions, ([strategy, venue, account, market, outcome, held, promised]) => [
      keyOf(strategy, venue, account, market, outcome),
      { held: numberIn(held, 'a position'), promised: numberIn(promised, 'a position') },
    ]),
    freeCash: mapOf(state.accounts, ([venue, account, free]) => [keyOf(venue, account), numberIn(free, 'the cash')]),
    venues: mapOf(state.venues, ([venue, account, venueState, message, reconciled]) => [
      keyOf(venue, account),
      { state: venueState, message, reconciled },
    ]),
    own: mapOf(state.own, ([venue, account, market, outcome, side, lowest, highest, any]) => [
      keyOf(venue, account, market, outcome, side),
      { lowest: priceIn(lowest), highest: priceIn(highest), any },
    ]),
    alike: mapOf(
      (state.alike ?? []).filter(([, ago]) => ago !== null),
      ([number, ago]) => [number - 1, ago ?? 0],
    ),
    marks: mapOf(state.marks, ([mode, strategy, unrealized, losses, isUnknown]) => [
      keyOf(mode, strategy),
      { unrealized: numberIn(unrealized, 'a mark'), losses: numberIn(losses, 'a mark'), isUnknown },
    ]),
    highs: mapOf(state.highs, ([mode, strategy, high]) => [keyOf(mode, strategy), numberIn(high, "the day's high")]),
    counts: mapOf(state.counts, ([rule, kind, name, mode, value]) => [
      keyOf(rule, kind, name, mode),
      numberIn(value, `${rule} in ${kind}:${name}`),
    ]),
    strategiesIn: (mode) => [
      ...new Set(
        [...(state.exposures ?? []), ...(state.streaks ?? [])]
          .filter((row) => row[0] === mode && row[1] !== '')
          .map((row) => row[1]),
      ),
    ],
  };
}

function quoteOf(record: QuoteRecord): Quote {
  const [, , , status, tick, minimumQuantity, bestBid, bestAsk, ageMs, closesInMs, ...fees] = record;
  const [rules, feeRate, feeExponent] = fees;
  return {
    status,
    tick: numberIn(tick, 'a tick'),
    minimumQuantity: numberIn(minimumQuantity, 'a least quantity'),
    bestBid: priceIn(bestBid),
    bestAsk: priceIn(bestAsk),
    ageMs,
    closesInMs,
    fees: { rules, feeRate, feeExponent },
  };
}

function limitOf(rule: string, scope: string, value: string): Limit {
  if (!(LIMIT_RULES as readonly string[]).includes(rule)) throw new RiskStateUnavailable(`the unknown rule ${rule}`);
  return { rule: rule as LimitRule, scope, limit: numberIn(value, `the limit of ${rule} in ${scope}`) };
}

/** What is read for the intents: for each of them where repetitions are looked for, else for each place once. */
function wishesOf(intents: readonly UnpricedIntent[], withRepetitions: boolean): object[] {
  if (withRepetitions) return intents.map(textsOf);
  const places = new Map<string, object>();
  for (const { strategy, mode, venue, account, market, outcome, side } of intents) {
    const key = keyOf(strategy, mode, venue, account, market, outcome, side);
    if (!places.has(key)) places.set(key, { strategy, mode, venue, account, market, outcome, side });
  }
  return [...places.values()];
}

function textsOf({ price, quantity, ...intent }: UnpricedIntent) {
  const { strategy, mode, venue, account, market, outcome, side, type } = intent;
  return {
    strategy,
    mode,
    venue,
    account,
    market,
    outcome,
    side,
    type,
    price: price === null ? null : formatDecimal(price),
    quantity: formatDecimal(quantity),
  };
}

function mapOf<R, K, V>(rows: readonly R[] | null | undefined, entry: (row: R) => [K, V]): Map<K, V> {
  return new Map((rows ?? []).map(entry));
}

function priceIn(text: string | null): Decimal | null {
  return text === null ? null : decimal(text);
}

function numberIn(text: string | null, what: string): Decimal {
  const value = text === null ? null : parseDecimal(text);
  if (value === null) throw new RiskStateUnavailable(what);
  return value;
}

function countIn(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RiskStateUnavailable(what);
  return value;
}
