import { type Mode, MODES } from '@interlock/kill-switch';
import { type Transaction, Transactions } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { RiskGuards } from './risk-guards.js';
import { RiskStateUnavailable, scopeOf } from './risk-state.js';
import { compare, decimal, formatDecimal, parseDecimal, subtract } from './rules/decimal.js';
import type { RuleName } from './rules/refusal.js';

/**
 * A configured rule in one scope. Money (`position`, `dailyLoss`) is decimal text, counts (`orderRate`, `startRate`) are numbers;
 * the three values of an item are of one kind. `headroom` is what is left to the limit, never below 0.
 */
export type RiskItem = { rule: RuleName; scope: string } & (
  { current: string; limit: string; headroom: string } | { current: number; limit: number; headroom: number }
);

/** Every configured rule with its present value. Fails with `RiskStateUnavailable` when one cannot be read. */
export class GetRisk extends Query<{ items: RiskItem[] }> {}

@QueryHandler(GetRisk)
export class GetRiskHandler implements IQueryHandler<GetRisk> {
  constructor(
    private readonly transactions: Transactions,
    private readonly guards: RiskGuards,
  ) {}

  execute(): Promise<{ items: RiskItem[] }> {
    return this.transactions.run(async (tx) => {
      const state = await this.guards.open(tx, MODES, 'claim');
      const exposures = await readExposures(tx);
      const { maxPosition, maxDailyLoss, orderRate, startRate } = this.guards.limits;
      const items = MODES.flatMap((mode) => {
        const scope = scopeOf(mode);
        const { dailyLoss, orders, starts } = state.reading(mode);
        return [
          money('position', scope, exposures.get(mode) ?? '0', maxPosition),
          money('dailyLoss', scope, dailyLoss, maxDailyLoss),
          count('orderRate', scope, orders, orderRate),
          ...(startRate === undefined ? [] : [count('startRate', scope, starts, startRate)]),
        ];
      });
      return { items };
    });
  }
}

/** The cost of what is held and of working buys, by mode: what the position limit is compared with when an order is judged. */
async function readExposures(tx: Transaction): Promise<Map<Mode, string>> {
  const rows = await tx.query<{ mode: Mode; total: string }[]>(
    'SELECT mode, sum(held_cost + working_cost)::text AS total FROM exposures GROUP BY mode',
  );
  return new Map(rows.map(({ mode, total }) => [mode, total]));
}

function money(rule: RuleName, scope: string, currentText: string, limitText: string | number): RiskItem {
  const current = parseDecimal(currentText);
  if (current === null) throw new RiskStateUnavailable(`${rule} in ${scope}`);
  const limit = decimal(limitText);
  const headroom = compare(current, limit) < 0 ? formatDecimal(subtract(limit, current)) : '0';
  return { rule, scope, current: formatDecimal(current), limit: formatDecimal(limit), headroom };
}

function count(rule: RuleName, scope: string, current: number, limit: number): RiskItem {
  return { rule, scope, current, limit, headroom: Math.max(limit - current, 0) };
}
