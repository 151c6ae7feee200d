import { Transactions } from '@interlock/persistence';
import { GetRisk, RiskGuards } from '@interlock/risk-guards';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { Client } from 'pg';
import { startOrders } from '../../../test/support/orders-module.js';
import { createTestDatabase } from '../../../test/support/test-database.js';
import { SeedLedger } from './seed-ledger.js';

it('seeds the ledger once a day, so that guards can be seen to block', async () => {
  const database = await createTestDatabase();
  const module = await startOrders(database.url, { RISK_MAX_DAILY_LOSS: '6.25' });
  const probe = new Client({ connectionString: database.url });
  await probe.connect();
  try {
    const transactions = module.get(Transactions);
    const seeds = await Promise.all([0, 1, 2].map(() => module.get(CommandBus).execute(new SeedLedger())));
    expect(seeds.map(({ kind }) => kind).toSorted()).toEqual(['made', 'unchanged', 'unchanged']);

    const { items } = await module.get(QueryBus).execute(new GetRisk());
    expect(items.filter(({ scope }) => scope === 'mode:mock')).toEqual([
      { rule: 'position', scope: 'mode:mock', current: '36', limit: '1000000', headroom: '999964' },
      { rule: 'dailyLoss', scope: 'mode:mock', current: '6.25', limit: '6.25', headroom: '0' },
      { rule: 'orderRate', scope: 'mode:mock', current: 3, limit: 30, headroom: 27 },
    ]);
    const refusal = await transactions.run(async (tx) => {
      const state = await module.get(RiskGuards).open(tx, ['mock', 'live'], 'start');
      expect(state.judgeStart({ mode: 'live', maxPosition: 1 })).toBeUndefined();
      return state.judgeStart({ mode: 'mock', maxPosition: 1 });
    });
    expect(refusal).toMatchObject({ code: 'RISK_LIMIT_EXCEEDED', details: { rule: 'dailyLoss', current: '6.25' } });

    // What the fills add up to is what position and day say.
    const { rows } = await probe.query(`
      SELECT (SELECT sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) FROM fills) - p.quantity AS quantity,
             (SELECT sum(CASE side WHEN 'BUY' THEN notional ELSE realized_pnl - notional END) FROM fills) - p.cost_basis AS cost,
             (SELECT sum(realized_pnl) FROM fills) - p.realized_pnl AS realized,
             (SELECT sum(realized_pnl - fee) FROM fills) + (SELECT sum(loss) FROM daily_results) AS loss
      FROM positions AS p WHERE p.quantity > 0`);
    expect(rows.map((row) => Object.values(row as Record<string, string>).map(Number))).toEqual([[0, 0, 0, 0]]);
  } finally {
    await probe.end();
    await module.close();
    await database.drop();
  }
});
