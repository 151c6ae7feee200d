import { setTimeout as delay } from 'node:timers/promises';
import type { ClusterDatabase } from '../support/cluster-database.js';

/**
 * How long, after everything is up again, nothing at all may happen while runs or orders have not ended. The sweeper's longest wait
 * before it nudges a run once more is 80 s; how long a backlog takes as a whole is the machine's affair.
 */
const STANDSTILL_MS = 100_000;
/** Requests at once. */
const CANCELS_AT_ONCE = 10;

/** What is asked of the apis in the end, each until it is answered. */
export interface LastWishes {
  /** The venue answers again. */
  readonly behave: () => Promise<void>;
  readonly release: (scope: string) => Promise<void>;
  /** @returns false when it must be asked for again */
  readonly cancel: (orderId: string) => Promise<boolean>;
}

/**
 * The venue well, all switches released, every working order cancelled; then every run, every order and every flatten plan must come to its end, and every
 * fill and settlement into the books.
 * @returns what has not when nothing moves any more
 */
export async function comeToRest(
  database: ClusterDatabase,
  { behave, release, cancel }: LastWishes,
): Promise<string[]> {
  await behave();
  for (;;) {
    const on = await database.query<{ scope: string }>('SELECT scope FROM kill_switches WHERE enabled');
    if (on.length === 0) break;
    for (const { scope } of on) await release(scope);
  }
  const asked = new Set<string>();
  for (let [steps, since] = ['', performance.now()]; ; await delay(50)) {
    await cancelAll(database, asked, cancel);
    const unfinished = await unfinishedIn(database);
    if (unfinished.length === 0) return [];
    const [row] = await database.query<{ steps: string }>(STEPS);
    if (row?.steps !== steps) [steps, since] = [row?.steps ?? '', performance.now()];
    else if (performance.now() - since > STANDSTILL_MS) return unfinished;
  }
}

async function cancelAll(database: ClusterDatabase, asked: Set<string>, cancel: LastWishes['cancel']): Promise<void> {
  const working = await database.query<{ id: string }>(
    `SELECT id FROM orders WHERE status NOT IN ${FINAL} ORDER BY id`,
  );
  const left = working.filter(({ id }) => !asked.has(id));
  for (let at = 0; at < left.length; at += CANCELS_AT_ONCE) {
    const some = left.slice(at, at + CANCELS_AT_ONCE);
    await Promise.all(some.map(async ({ id }) => void ((await cancel(id)) && asked.add(id))));
  }
}

const FINAL = `('FILLED', 'CANCELED', 'REJECTED', 'EXPIRED')`;

/** Everything that the suite sees happen, as a number that only rises. */
const STEPS = `SELECT (SELECT count(*) FROM chaos_runs) + (SELECT count(*) FROM chaos_orders) + (SELECT count(*) FROM chaos_venue_orders)
  + (SELECT count(*) FROM fills) + (SELECT count(*) FROM chaos_flattens) AS steps`;

async function unfinishedIn(database: ClusterDatabase): Promise<string[]> {
  const runs = await database.query<{ id: string; status: string }>(
    `SELECT id, status FROM runs WHERE status IN ('QUEUED', 'RETRYING', 'RUNNING')`,
  );
  const orders = await database.query<{ id: string; status: string }>(
    `SELECT id, status FROM orders WHERE status NOT IN ${FINAL}`,
  );
  const plans = await database.query<{ id: string }>(`SELECT id FROM flatten_plans WHERE status = 'RUNNING'`);
  const [books] = await database.query<{ fills: number; settlements: number }>(
    `SELECT (SELECT count(*)::int FROM paper_fills) - (SELECT count(*)::int FROM fills WHERE order_id IS NOT NULL) AS fills,
            (SELECT count(*)::int FROM positions JOIN paper_settlements USING (market) WHERE quantity > 0) AS settlements`,
  );
  return [
    ...runs.map(({ id, status }) => `run ${id} is still ${status}`),
    ...orders.map(({ id, status }) => `order ${id} is still ${status}`),
    ...plans.map(({ id }) => `plan ${id} is still RUNNING`),
    ...(books?.fills === 0 ? [] : [`${books?.fills} fills of the venue are not booked`]),
    ...(books?.settlements === 0 ? [] : [`${books?.settlements} positions of settled markets are not closed`]),
  ];
}
