import { amount, type Transaction, Transactions, ZERO } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { JournalPages } from './ledger/journal-pages.js';
import { type LedgerDifference, Replay } from './ledger/replay.js';
import { ReservationSums } from './ledger/reservation-sums.js';

/**
 * Rebuilds positions, cash and realised profit from the journal, and compares them with what is stored, to the last digit; also what
 * working orders reserve. Reads one snapshot, while trading goes on.
 * @param onProgress told after each page of postings
 */
export class CheckLedger extends Query<LedgerCheck> {
  constructor(readonly onProgress: (done: number, total: number) => void = () => undefined) {
    super();
  }
}

export interface LedgerCheck {
  readonly postings: number;
  readonly positions: number;
  readonly accounts: number;
  readonly workingOrders: number;
  /** The first of them; `differenceCount` says how many there are. */
  readonly differences: readonly LedgerDifference[];
  readonly differenceCount: number;
  readonly durationMs: number;
}

@QueryHandler(CheckLedger)
export class CheckLedgerHandler implements IQueryHandler<CheckLedger> {
  constructor(private readonly transactions: Transactions) {}

  execute({ onProgress }: CheckLedger): Promise<LedgerCheck> {
    const begun = performance.now();
    return this.transactions.run(async (tx) => {
      // One snapshot for everything: else a fill in between would look like a difference.
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      // Between two pages it computes, on a busy machine for seconds; it holds no lock that anybody waits for.
      await tx.query(`SET LOCAL idle_in_transaction_session_timeout = '60s'`);
      const journal = new JournalPages(tx);
      const replay = new Replay(await journal.positionsWithVoids());
      const total = await journal.count();
      for await (const page of journal.pages()) {
        for (const entry of page) replay.apply(entry);
        onProgress(replay.postings, total);
      }
      await comparePositions(tx, replay);
      await compareExposures(tx, replay);
      await compareDays(tx, replay);
      const accounts = await compareCash(tx, replay);
      const workingOrders = await new ReservationSums(tx).compare(replay);
      return {
        postings: replay.postings,
        positions: replay.positions.size,
        accounts,
        workingOrders,
        differences: replay.differences,
        differenceCount: replay.differenceCount,
        durationMs: Math.round(performance.now() - begun),
      };
    });
  }
}

async function comparePositions(tx: Transaction, replay: Replay): Promise<void> {
  const rows = await tx.query<{ key: string; quantity: string; cost: string; realized: string; fees: string }[]>(
    `SELECT json_build_array(strategy, venue, account, market, outcome)::text AS key, quantity::text, cost_basis::text AS cost,
            realized_pnl::text AS realized, fees::text
     FROM positions`,
  );
  const missing = new Set(replay.positions.keys());
  for (const row of rows) {
    const key = JSON.stringify(JSON.parse(row.key)); // PostgreSQL puts spaces after its commas
    missing.delete(key);
    const position = replay.positions.get(key)?.position;
    const name = nameOf(key);
    replay.compare(`${name}, quantity`, position?.quantity ?? ZERO, amount(row.quantity));
    replay.compare(`${name}, cost basis`, position?.costBasis ?? ZERO, amount(row.cost));
    replay.compare(`${name}, realized P&L`, position?.realizedPnl ?? ZERO, amount(row.realized));
    replay.compare(`${name}, fees`, position?.fees ?? ZERO, amount(row.fees));
  }
  for (const key of missing) {
    replay.compare(`${nameOf(key)}, quantity`, replay.positions.get(key)?.position.quantity ?? ZERO, ZERO);
  }
}

async function compareExposures(tx: Transaction, replay: Replay): Promise<void> {
  const held = new Map<string, typeof ZERO>();
  for (const { mode, strategy, position } of replay.positions.values()) {
    const key = `${mode} ${strategy}`;
    held.set(key, (held.get(key) ?? ZERO).plus(position.costBasis));
  }
  const rows = await tx.query<{ key: string; held: string }[]>(
    `SELECT mode || ' ' || strategy AS key, held_cost::text AS held FROM exposures`,
  );
  const stored = new Map(rows.map((row) => [row.key, amount(row.held)]));
  for (const key of new Set([...held.keys(), ...stored.keys()])) {
    replay.compare(`exposure ${key}, cost of what is held`, held.get(key) ?? ZERO, stored.get(key) ?? ZERO);
  }
}

/** All days together: on which day a result lies depends on the time zone at its booking, which may have changed since. */
async function compareDays(tx: Transaction, replay: Replay): Promise<void> {
  const realized = new Map<string, typeof ZERO>();
  for (const { mode, strategy, position } of replay.positions.values()) {
    const key = `${mode} ${strategy}`;
    realized.set(key, (realized.get(key) ?? ZERO).plus(position.realizedPnl).minus(position.fees));
  }
  const rows = await tx.query<{ key: string; net: string }[]>(
    `SELECT mode || ' ' || strategy AS key, sum(realized - fees)::text AS net FROM daily_results GROUP BY mode, strategy`,
  );
  const stored = new Map(rows.map((row) => [row.key, amount(row.net)]));
  for (const key of new Set([...realized.keys(), ...stored.keys()])) {
    replay.compare(`results of all days ${key}`, realized.get(key) ?? ZERO, stored.get(key) ?? ZERO);
  }
}

async function compareCash(tx: Transaction, replay: Replay): Promise<number> {
  const rows = await tx.query<{ key: string; cash: string }[]>(
    `SELECT venue || ' ' || account AS key, cash::text FROM accounts`,
  );
  const stored = new Map(rows.map((row) => [row.key, amount(row.cash)]));
  for (const key of new Set([...replay.cash.keys(), ...stored.keys()])) {
    replay.compare(`cash of ${key}`, replay.cash.get(key) ?? ZERO, stored.get(key) ?? ZERO);
  }
  return stored.size;
}

function nameOf(key: string): string {
  return `position ${(JSON.parse(key) as string[]).join(' ')}`;
}
