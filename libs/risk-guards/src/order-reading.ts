import { RiskStateUnavailable } from './risk-state.js';
import { compare, type Decimal, decimal, formatDecimal, parseDecimal } from './rules/decimal.js';
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
  /** In the order of the places that were asked for. */
  places: PlaceRecord[] | null;
  accounts: [venue: string, account: string, free: string][] | null;
  venues: [venue: string, account: string, state: VenueState, message: string | null, reconciled: boolean][] | null;
  alike?: [number: number, agoMs: number | null][] | null;
  marks?: [mode: string, strategy: string, unrealized: string, losses: string, isUnknown: boolean][] | null;
  highs?: [mode: string, strategy: string, high: string][] | null;
  counts?: [rule: Count['rule'], kind: string, name: string, mode: string, value: string | null][] | null;
}

/** What is known of an order's outcome, of what its strategy holds there, and of its account's orders on the other side. */
type PlaceRecord = [
  status: Quote['status'] | null,
  tick: string,
  minimumQuantity: string,
  bestBid: string | null,
  bestAsk: string | null,
  ageMs: number,
  closesInMs: number | null,
  rules: Quote['fees']['rules'],
  feeRate: string,
  feeExponent: number,
  held: string | null,
  workingSell: string,
  /** Of sales the lowest price, of purchases the highest: 0 and 1 where one without a price works. */
  nearest: string | null,
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
  /** Of working orders on a side the highest purchase or the lowest sale; `any`: one without a price. */
  readonly own: Map<string, Decimal | 'any'>;
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

type Place = Pick<UnpricedIntent, 'strategy' | 'mode' | 'venue' | 'account' | 'market' | 'outcome' | 'side'>;

/** What is asked for: under these limits, for orders in these places. */
export interface ReadingWish {
  readonly places: readonly Place[];
  /** Parameters of the function `read_order_state`, but for the time. */
  readonly parameters: unknown[];
}

/** What the intents are judged by under these limits. */
export function readingWish(intents: readonly UnpricedIntent[], known: Limits): ReadingWish {
  const places = new Map<string, { place: Place; number: number }>();
  const numbers = intents.map((intent) => {
    const { strategy, mode, venue, account, market, outcome, side } = intent;
    const key = keyOf(strategy, mode, venue, account, market, outcome, side);
    let entry = places.get(key);
    if (entry === undefined) places.set(key, (entry = { place: intent, number: places.size + 1 }));
    return entry.number;
  });
  const list = [...places.values()].map(({ place }) => place);
  const windows = known.all('duplicate').map(({ limit }) => Number(formatDecimal(limit)));
  const isWatched = windows.length > 0;
  const parameters = [
    [...new Set(list.map(({ mode }) => mode))].toSorted(),
    ...PLACE_COLUMNS.map((column) => list.map((place) => place[column])),
    isWatched ? JSON.stringify(intents.map((intent, index) => termsOf(intent, numbers[index] ?? 0))) : null,
    isWatched ? Math.max(...windows) : null,
    JSON.stringify(countsWanted(list, known)),
    needsMarks(known),
    strategiesWanted(list, known),
  ];
  return { places: list, parameters };
}

const PLACE_COLUMNS = ['strategy', 'venue', 'account', 'market', 'outcome', 'side'] as const;

/** What an order that may repeat another is compared by, beside its place. */
function termsOf({ type, price, quantity }: UnpricedIntent, place: number): object {
  return { place, type, price: price === null ? null : formatDecimal(price), quantity: formatDecimal(quantity) };
}

/** Those of the intents, and those whose day's high is kept. */
function strategiesWanted(intents: readonly Place[], known: Limits): string[] {
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
function countsWanted(intents: readonly Place[], limits: Limits): Count[] {
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

/**
 * @param asked the places that were asked for
 * @throws RiskStateUnavailable when something is missing or no number
 */
export function readingOfOrders(state: OrderStateRecord, asked: readonly Place[]): OrderReading {
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
    ...readingOfPlaces(state.places ?? [], asked),
    freeCash: mapOf(state.accounts, ([venue, account, free]) => [keyOf(venue, account), numberIn(free, 'the cash')]),
    venues: mapOf(state.venues, ([venue, account, venueState, message, reconciled]) => [
      keyOf(venue, account),
      { state: venueState, message, reconciled },
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

function readingOfPlaces(
  records: readonly PlaceRecord[],
  asked: readonly Place[],
): Pick<OrderReading, 'quotes' | 'holdings' | 'own'> {
  const reading = {
    quotes: new Map<string, Quote>(),
    holdings: new Map(),
    own: new Map(),
  } satisfies Partial<OrderReading>;
  if (records.length !== asked.length) throw new RiskStateUnavailable('a place');
  for (const [index, record] of records.entries()) {
    const { strategy, venue, account, market, outcome, side } = asked[index] as Place;
    const [, , , , , , , , , , held, workingSell, nearest] = record;
    const quote = quoteOf(record);
    if (quote !== undefined) reading.quotes.set(keyOf(venue, market, outcome), quote);
    if (held !== null) {
      const holding = { held: numberIn(held, 'a position'), promised: numberIn(workingSell, 'a position') };
      reading.holdings.set(keyOf(strategy, venue, account, market, outcome), holding);
    }
    const other = side === 'BUY' ? 'SELL' : 'BUY';
    const reach = nearest === null ? null : numberIn(nearest, 'a price');
    if (reach !== null) reading.own.set(keyOf(venue, account, market, outcome, other), isPrice(reach) ? reach : 'any');
  }
  return reading;
}

const ONE = decimal('1');

/** Prices are above 0 and below 1. */
function isPrice(value: Decimal): boolean {
  return value.units > 0n && compare(value, ONE) < 0;
}

function quoteOf(record: PlaceRecord): Quote | undefined {
  const [status, tick, minimumQuantity, bestBid, bestAsk, ageMs, closesInMs, rules, feeRate, feeExponent] = record;
  if (status === null) return undefined;
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
