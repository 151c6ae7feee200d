import { type Mode, MODES } from '@interlock/kill-switch';
import { type Transaction, Transactions } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { type OrderReading, type OrderStateRecord, readingOfOrders, readingWish } from './order-reading.js';
import { OrderTotals } from './order-totals.js';
import { RiskGuards, guarded } from './risk-guards.js';
import { RiskLimitRows } from './risk-limits.js';
import { RiskStateUnavailable, scopeOf } from './risk-state.js';
import { compare, type Decimal, decimal, formatDecimal, subtract } from './rules/decimal.js';
import { kindOf, type Limit, Limits, WHOLE_RULES } from './rules/limits.js';
import type { OrderIntent } from './rules/order-intent.js';
import { LIMIT_RULES, type LimitRule, type RuleName } from './rules/refusal.js';

/**
 * A configured rule in one scope. Amounts are decimal text; counts and milliseconds are numbers; the values of an item are of one
 * kind. `headroom` is what is left to the limit, never below 0. Rules that look at each order alone have no present value.
 */
export interface RiskItem {
  rule: RuleName;
  scope: string;
  current: string | number | null;
  limit: string | number;
  headroom: string | number | null;
}

export interface RiskView {
  /** Rises with every change of limits. */
  version: number;
  items: RiskItem[];
}

/** Every configured rule with its present value. Fails with `RiskStateUnavailable` when one cannot be read. */
export class GetRisk extends Query<RiskView> {}

@QueryHandler(GetRisk)
export class GetRiskHandler implements IQueryHandler<GetRisk> {
  constructor(
    private readonly transactions: Transactions,
    private readonly guards: RiskGuards,
    private readonly rows: RiskLimitRows,
  ) {}

  execute(): Promise<RiskView> {
    return this.transactions.run(async (tx) => {
      const everything = MODES.map((mode) => placed(mode, 'global'));
      const { limits } = await read(tx, everything, new Limits([]));
      const places = MODES.flatMap((mode) => [...limits].map(({ scope }) => placed(mode, scope)));
      const reading = await read(tx, [...everything, ...places], limits);
      const items = [...limits].flatMap((limit) => itemsOf(limit, reading)).toSorted(inOrder);
      return { version: await this.rows.version(tx), items: [...items, ...(await this.startRates(tx))] };
    });
  }

  /** The rate of starts is limited by a setting alone. */
  private async startRates(tx: Transaction): Promise<RiskItem[]> {
    const { startRate } = this.guards;
    if (startRate === undefined) return [];
    const state = await this.guards.open(tx, MODES, 'claim');
    return MODES.map((mode) => item('startRate', scopeOf(mode), whole(state.reading(mode).starts), whole(startRate)));
  }
}

async function read(tx: Transaction, intents: readonly OrderIntent[], limits: Limits): Promise<OrderReading> {
  const { places, parameters } = readingWish(intents, limits);
  const everyStrategy = null;
  const [row] = await guarded(
    tx.query<{ state: OrderStateRecord }[]>(
      'SELECT read_order_state(clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS state',
      [...parameters.slice(0, -1), everyStrategy],
    ),
  );
  if (row === undefined) throw new RiskStateUnavailable('nothing was read');
  return readingOfOrders(row.state, places);
}

/**
 * A limit over everything is counted in each mode, and told of each. One in a strategy, venue or market is counted in each mode as well:
 * what is told is the mode that is nearest to it, for that is where it will refuse first. One on strategies holds for each of them.
 */
function itemsOf(limit: Limit, reading: OrderReading): RiskItem[] {
  const totals = new OrderTotals(reading);
  const kind = kindOf(limit.scope);
  const nearest = new Map<string, Decimal | undefined>();
  const tell = (scope: string, mode: Mode, asked: string) => {
    const current = totals.now(limit.rule, placed(mode, asked), limit);
    const other = nearest.get(scope);
    if (other === undefined || (current !== undefined && compare(current, other) > 0)) nearest.set(scope, current);
  };
  for (const mode of MODES) {
    if (kind === 'mode' && limit.scope !== scopeOf(mode)) continue;
    if (EACH_STRATEGY.has(limit.rule) && kind !== 'strategy') {
      for (const strategy of reading.strategiesIn(mode)) tell(`strategy:${strategy}`, mode, `strategy:${strategy}`);
    } else {
      tell(kind === 'global' ? scopeOf(mode) : limit.scope, mode, limit.scope);
    }
  }
  return [...nearest].map(([scope, current]) => item(limit.rule, scope, current, limit.limit));
}

/** By rule as they are listed everywhere, then by scope. */
function inOrder(a: RiskItem, b: RiskItem): number {
  const rule = RULES.indexOf(a.rule) - RULES.indexOf(b.rule);
  return rule === 0 ? a.scope.localeCompare(b.scope, 'en') : rule;
}

const RULES: readonly RuleName[] = LIMIT_RULES;

const EACH_STRATEGY: ReadonlySet<LimitRule> = new Set(['exposure', 'losingStreak']);

function item(rule: RuleName, scope: string, current: Decimal | undefined, limit: Decimal): RiskItem {
  const shown = (value: Decimal) =>
    rule === 'startRate' || WHOLE_RULES.has(rule) ? Number(formatDecimal(value)) : formatDecimal(value);
  if (current === undefined) return { rule, scope, current: null, limit: shown(limit), headroom: null };
  const headroom = compare(current, limit) < 0 ? subtract(limit, current) : whole(0);
  return { rule, scope, current: shown(current), limit: shown(limit), headroom: shown(headroom) };
}

/** An order that stands in this scope, to ask totals by; it is never admitted. */
function placed(mode: Mode, scope: string): OrderIntent {
  const kind = kindOf(scope);
  const name = scope.slice(kind.length + 1);
  return {
    mode,
    strategy: kind === 'strategy' ? name : '',
    venue: kind === 'venue' ? name : '',
    market: kind === 'market' ? name : '',
    account: '',
    outcome: '',
    side: 'BUY',
    type: 'market',
    price: null,
    quantity: whole(1),
    reduceOnly: false,
    highestFee: whole(0),
  };
}

function whole(count: number): Decimal {
  return decimal(String(count));
}
