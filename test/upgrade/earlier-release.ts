import { newId } from '@interlock/persistence';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { migrations } from '../../libs/persistence/src/migrations/index.js';

/** Brings an empty database to the schema of an earlier release: that after its first `count` migrations. */
export async function migrateTo(url: string, count: number): Promise<void> {
  const dataSource = new DataSource({ type: 'postgres', url, migrations: migrations.slice(0, count) });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations({ transaction: 'all' });
  } finally {
    await dataSource.destroy();
  }
}

/** What an earlier release left behind, by the ids under which a later one must show it again. */
export interface Legacy {
  readonly completedRun: string;
  readonly queuedRun: string;
  /** Its worker died. */
  readonly runningRun: string;
  readonly event: string;
}

/** Fills a database of an earlier release as that release did, as far as it had the tables. */
export async function fillAsEarlierRelease(client: Client): Promise<Legacy> {
  const legacy = { completedRun: newId(), queuedRun: newId(), runningRun: newId(), event: newId() };
  await fillFoundation(client, legacy);
  if (await hasTable(client, 'datasets')) await fillDatasets(client);
  if (await hasTable(client, 'orders')) await fillLedger(client, legacy);
  if (await hasTable(client, 'alert_deliveries')) {
    await client.query(
      `INSERT INTO alert_deliveries (id, event_id, channel, status, attempts, finished_at, last_error)
       VALUES ($1, $2, 'webhook', 'DEAD', 8, now(), 'HTTP 500')`,
      [newId(), legacy.event],
    );
  }
  return legacy;
}

async function fillFoundation(client: Client, { completedRun, queuedRun, runningRun, event }: Legacy): Promise<void> {
  await client.query(
    `INSERT INTO kill_switches VALUES ('strategy:legacy', true, 'halt', 'odd fills', 7, now(), 'ada'),
                                      ('global', false, NULL, 'looked into it', 4, now(), 'ada')`,
  );
  await client.query(
    `INSERT INTO runs (id, status, mode, dry_run, max_position, pipeline, strategy, input, attempt, epoch, lease_owner,
                       lease_expires_at, started_at, finished_at)
     VALUES ($1, 'COMPLETED', 'paper', false, 12.50000001, 'calibration', 'legacy', '{"dataset": "sample", "bins": 10}', 2, 2,
             NULL, NULL, now(), now()),
            ($2, 'QUEUED', 'mock', true, 1000000, 'calibration', 'default', '{"dataset": "sample", "bins": 10}', 0, 0, NULL, NULL,
             NULL, NULL),
            ($3, 'RUNNING', 'mock', true, 1000000, 'calibration', 'default', '{"dataset": "sample", "bins": 10}', 1, 1, 'gone',
             now() - interval '1 minute', now(), NULL)`,
    [completedRun, queuedRun, runningRun],
  );
  await client.query(
    `INSERT INTO run_stages VALUES ($1, 'load', 0, 'COMPLETED', '{"rows": 42}', NULL, now(), now()),
                                   ($1, 'score', 1, 'COMPLETED', NULL, NULL, now(), now())`,
    [completedRun],
  );
  await client.query(
    `INSERT INTO run_reports VALUES ($1, '{"dataset": "sample", "n": 42, "brier": 0.03295476190476191}')`,
    [completedRun],
  );
  await client.query(
    `INSERT INTO ops_events (id, event, severity, source, run_id, reason, actor, details)
     VALUES ($1, 'kill_switch_on', 'critical', 'api', $2, 'odd fills', 'ada', '{"scope": "strategy:legacy", "version": 7}')`,
    [event, completedRun],
  );
}

async function fillDatasets(client: Client): Promise<void> {
  const version = newId();
  await client.query(`INSERT INTO dataset_versions (id, dataset, state, rows) VALUES ($1, 'legacy', 'current', 2)`, [
    version,
  ]);
  await client.query(`INSERT INTO datasets VALUES ('legacy', $1, 2, 57, $2, '{note}')`, [version, 'a'.repeat(64)]);
  await client.query(
    `INSERT INTO dataset_rows (version_id, line, market_id, probability, outcome, resolved_at)
     VALUES ($1, 2, 'rain-monday', 0.7, 1, now()), ($1, 3, 'rain-tuesday', 0.2, 0, NULL)`,
    [version],
  );
}

async function fillLedger(client: Client, { completedRun }: Legacy): Promise<void> {
  const order = newId();
  await client.query(
    `INSERT INTO orders (id, client_order_id, run_id, strategy, mode, venue, market, outcome, side, type, price, quantity,
                         filled_quantity, average_price, time_in_force, status)
     VALUES ($1, 'o-1', $2, 'legacy', 'paper', 'paper', 'rain', 'YES', 'SELL', 'limit', 0.4, 100, 100, 0.40000001, 'GTC', 'FILLED')`,
    [order, completedRun],
  );
  await client.query(
    `INSERT INTO fills (id, order_id, strategy, mode, venue, venue_trade_id, market, outcome, side, price, quantity, notional,
                        liquidity, finality, realized_pnl, executed_at)
     VALUES ($1, $2, 'legacy', 'paper', 'paper', 't-1', 'rain', 'YES', 'SELL', 0.40000001, 100, 40.000001, 'TAKER', 'FINAL',
             -9.99999999, now())`,
    [newId(), order],
  );
  await client.query(
    `INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis)
     VALUES ('legacy', 'paper', 'rain', 'NO', 'paper', 3, 1.23456789)`,
  );
  await client.query(`INSERT INTO exposures (mode, strategy, held_cost) VALUES ('paper', 'legacy', 1.23456789)`);
  await client.query(
    `INSERT INTO daily_results VALUES ('paper', current_date, 'legacy', -9.99999999, 0.01, 10.00999999)`,
  );
  await client.query(`SELECT count_admissions('startRate', 'mode:paper', 5)`);
  await client.query(`INSERT INTO run_failure_streaks VALUES ('mode:paper', 2, 4)`);
  await client.query(`INSERT INTO pipeline_latencies VALUES ('calibration', 123.5, 9)`);
}

async function hasTable(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>('SELECT to_regclass($1) IS NOT NULL AS present', [name]);
  return rows[0]?.present === true;
}

/** Everything in our own tables: table → its rows as objects. */
export async function contentsOf(client: Client): Promise<Map<string, Record<string, unknown>[]>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations' ORDER BY 1`,
  );
  const contents = new Map<string, Record<string, unknown>[]>();
  for (const { name } of tables) {
    // As text, so that no digit is lost on the way.
    const { rows } = await client.query<{ row: Record<string, string | null> }>(
      `SELECT jsonb_object_agg(key, value) AS row
       FROM (SELECT ctid AS place, to_jsonb(t) AS whole FROM "${name}" AS t) AS r, jsonb_each_text(whole)
       GROUP BY place, whole ORDER BY whole::text`,
    );
    contents.set(
      name,
      rows.map(({ row }) => row),
    );
  }
  return contents;
}
