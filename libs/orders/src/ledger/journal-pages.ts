import { amount, type Transaction } from '@interlock/persistence';
import { type PositionKey, textOf } from './entries.js';
import { PAID, tradeOf } from './journal-rows.js';
import type { JournalEntry } from './replay.js';

const PAGE_SIZE = 5_000;

interface Row extends PositionKey {
  number: string;
  kind: JournalEntry['kind'];
  mode: string;
  fill_id: string | null;
  side: 'BUY' | 'SELL' | null;
  price: string;
  quantity: string;
  fee: string;
  paid: string | null;
  shares: string;
  cash: string;
  cost: string;
  realized: string;
  fees: string;
  capital: string;
}

/** Reads the journal in the order of booking, a page at a time. */
export class JournalPages {
  constructor(private readonly tx: Transaction) {}

  async count(): Promise<number> {
    const [row] = await this.tx.query<{ count: string }[]>('SELECT count(*) AS count FROM postings');
    return Number(row?.count);
  }

  /** Keys of the positions with voided fills. */
  async positionsWithVoids(): Promise<Set<string>> {
    const rows = await this.tx.query<PositionKey[]>(
      `SELECT DISTINCT strategy, venue, account, market, outcome FROM postings WHERE kind = 'VOID'`,
    );
    return new Set(rows.map(textOf));
  }

  async *pages(): AsyncGenerator<JournalEntry[]> {
    for (let after = '0'; ;) {
      const rows = await this.tx.query<Row[]>(
        `SELECT p.number, p.kind, p.mode, p.fill_id, p.strategy, p.venue, p.account, p.market, p.outcome,
                f.side, f.price::text, f.quantity::text, f.fee::text, ${PAID},
                p.shares::text, p.cash::text, p.cost::text, p.realized::text, p.fees::text, p.capital::text
         FROM postings AS p LEFT JOIN fills AS f ON f.id = p.fill_id
         WHERE p.number > $1 ORDER BY p.number LIMIT ${PAGE_SIZE}`,
        [after],
      );
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(entryOf);
      after = last.number;
    }
  }
}

function entryOf({ fill_id, side, price, quantity, fee, paid, ...row }: Row): JournalEntry {
  return {
    ...row,
    fillId: fill_id,
    trade: side === null ? null : tradeOf({ side, price, quantity, fee, paid }),
    posting: {
      shares: amount(row.shares),
      cash: amount(row.cash),
      cost: amount(row.cost),
      realized: amount(row.realized),
      fees: amount(row.fees),
      capital: amount(row.capital),
    },
  };
}
