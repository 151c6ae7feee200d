import { compare, type Decimal } from './decimal.js';
import type { LimitRule } from './refusal.js';

/** What a limit's scope is compared with. */
export interface Placed {
  readonly mode: string;
  readonly venue: string;
  readonly strategy: string;
  readonly market: string;
}

/** A limit that somebody set: `global`, `mode:<mode>`, `venue:<name>`, `strategy:<name>` or `market:<id>`. */
export interface Limit {
  readonly rule: LimitRule;
  readonly scope: string;
  readonly limit: Decimal;
}

export type ScopeKind = 'global' | 'mode' | 'venue' | 'strategy' | 'market';

/** Sums that are kept per mode and strategy only can be limited nowhere else. */
const SCOPES_OF_SUMS: readonly ScopeKind[] = ['global', 'mode', 'strategy'];
const EVERY_SCOPE: readonly ScopeKind[] = ['global', 'mode', 'venue', 'strategy', 'market'];

/** Where each rule can be limited. */
export const SCOPES_OF: Record<LimitRule, readonly ScopeKind[]> = {
  orderRate: EVERY_SCOPE,
  messageRate: SCOPES_OF_SUMS,
  openOrders: EVERY_SCOPE,
  orderQuantity: EVERY_SCOPE,
  orderValue: EVERY_SCOPE,
  position: EVERY_SCOPE,
  exposure: SCOPES_OF_SUMS,
  dailyLoss: SCOPES_OF_SUMS,
  totalDailyLoss: SCOPES_OF_SUMS,
  drawdown: SCOPES_OF_SUMS,
  losingStreak: SCOPES_OF_SUMS,
  priceCollar: EVERY_SCOPE,
  marketDataAge: EVERY_SCOPE,
  marketCloses: EVERY_SCOPE,
  duplicate: EVERY_SCOPE,
};

/** Rules whose limits are whole numbers: of orders, of sales, or milliseconds. */
export const WHOLE_RULES: ReadonlySet<string> = new Set([
  'orderRate',
  'messageRate',
  'openOrders',
  'losingStreak',
  'marketDataAge',
  'marketCloses',
  'duplicate',
]);

/** Rules that refuse above a limit, or from it on, and not below: the smallest limit is the tightest. All but this one are so. */
const LARGEST_IS_TIGHTEST: ReadonlySet<LimitRule> = new Set(['marketCloses', 'duplicate']);

export function kindOf(scope: string): ScopeKind {
  const kind = scope.slice(0, scope.indexOf(':'));
  return kind === 'mode' || kind === 'venue' || kind === 'strategy' || kind === 'market' ? kind : 'global';
}

/** True when what the scope limits includes this. */
export function covers(scope: string, { mode, venue, strategy, market }: Placed): boolean {
  switch (kindOf(scope)) {
    case 'global':
      return true;
    case 'mode':
      return scope === `mode:${mode}`;
    case 'venue':
      return scope === `venue:${venue}`;
    case 'strategy':
      return scope === `strategy:${strategy}`;
    case 'market':
      return scope === `market:${market}`;
  }
}

/** The limits that are set, by rule. */
export class Limits {
  private readonly byRule = new Map<LimitRule, Limit[]>();

  constructor(limits: Iterable<Limit>) {
    for (const limit of limits) {
      this.byRule.set(limit.rule, [...(this.byRule.get(limit.rule) ?? []), limit].toSorted(tightestFirst));
    }
  }

  /** Those of a rule that apply here, the tightest first. */
  of(rule: LimitRule, where: Placed): Limit[] {
    return (this.byRule.get(rule) ?? []).filter(({ scope }) => covers(scope, where));
  }

  /** Those of a rule, wherever they apply. */
  all(rule: LimitRule): readonly Limit[] {
    return this.byRule.get(rule) ?? [];
  }

  *[Symbol.iterator](): Iterator<Limit> {
    for (const limits of this.byRule.values()) yield* limits;
  }
}

/** Totals are counted per mode (safety.md, G0), and told so. */
export function toldScope(scope: string, mode: string): string {
  return scope === 'global' ? `mode:${mode}` : scope;
}

function tightestFirst(a: Limit, b: Limit): number {
  const order = compare(a.limit, b.limit);
  return LARGEST_IS_TIGHTEST.has(a.rule) ? -order : order;
}
