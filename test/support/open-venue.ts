import { Client } from 'pg';

/** Makes orders for the paper venue admissible for good, without a worker that looks after it: it counts as open and reconciled. */
export async function openPaperVenue(databaseUrl: string, cash = '10000'): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `INSERT INTO venue_conditions (venue, state, reconciled_at, updated_at) VALUES ('paper', 'OPEN', now(), 'infinity')
       ON CONFLICT (venue, account) DO UPDATE SET state = 'OPEN', reconciled_at = now(), updated_at = 'infinity'`,
    );
    await client.query(
      `INSERT INTO accounts (venue, mode, cash) VALUES ('paper', 'paper', $1) ON CONFLICT DO NOTHING`,
      [cash],
    );
  } finally {
    await client.end();
  }
}
