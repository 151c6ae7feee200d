import { Client } from 'pg';
import { seedDatabase } from '../../apps/cli/seed-database.js';
import { startRiskGuards } from '../support/risk-guards-module.js';
import { createTestDatabase } from '../support/test-database.js';

it('seeding leaves limits and the time zone as the operators have set them', async () => {
  const database = await createTestDatabase();
  const probe = new Client({ connectionString: database.url });
  await probe.connect();
  try {
    const environment = { RISK_MAX_DAILY_LOSS: '100', RISK_DAY_TIMEZONE: 'Asia/Tokyo' };
    await (await startRiskGuards(database.url, environment)).close();
    const seeded = await seedDatabase(database.url, { withLedger: true });
    expect(seeded.ledger).toContain('a loss of 6.25 today');
    const { rows } = await probe.query(
      `SELECT trim_scale(value)::text AS value, timezone, (SELECT count(*)::int FROM daily_results) AS days
       FROM risk_limits, risk_day WHERE rule = 'dailyLoss'`,
    );
    expect(rows).toEqual([{ value: '100', timezone: 'Asia/Tokyo', days: 1 }]);
  } finally {
    await probe.end();
    await database.drop();
  }
});
