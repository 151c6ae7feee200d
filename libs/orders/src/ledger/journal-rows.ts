import type { Mode } from '@interlock/kill-switch';
import { amount, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { Side } from '../order.js';
import { type FillRow, KEY, KEY_COLUMNS, type PositionKey, type PostingRow, textsOfAmounts } from './entries.js';
import type { Trade } from './position.js';

/** A trade of a position that counts (a voided one does not), in the order of booking. */
interface TradeRow {
  side: Side;
  price: string;
  quantity: string;
  fee: string;
  /** Of settlements only. */
  paid: string | null;
}

/** SQL: what a settlement has paid for a position's shares; all else is price times quantity. */
export const PAID = `CASE WHEN f.liquidity = 'SETTLEMENT' THEN f.notional::text END AS paid`;

/** The statements of the ledger for fills and for the journal, to which each of them is posted. */
@Injectable()
export class JournalRows {
  /** The trades of these orders that are in the books, as "<order> <venue trade>". */
  async knownTrades(tx: Transaction, orderIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ trade: string }[]>(
      `SELECT order_id || ' ' || venue_trade_id AS trade FROM fills WHERE order_id = ANY($1)`,
      [orderIds],
    );
    return new Set(rows.map(({ trade }) => trade));
  }

  /** The trades of a position that count (voided ones do not), in the order of booking. */
  async tradesOf(tx: Transaction, key: PositionKey): Promise<Trade[]> {
    const rows = await tx.query<TradeRow[]>(
      `SELECT f.side, f.price::text, f.quantity::text, f.fee::text, ${PAID}
       FROM postings AS p JOIN fills AS f ON f.id = p.fill_id
       WHERE (p.strategy, p.venue, p.account, p.market, p.outcome) = ($1, $2, $3, $4, $5)
         AND p.kind <> 'VOID' AND f.finality <> 'VOIDED'
       ORDER BY p.number`,
      [key.strategy, key.venue, key.account, key.market, key.outcome],
    );
    return rows.map(tradeOf);
  }

  /** @returns the fill's position, or undefined when there is no such fill or it is voided already */
  async markVoided(
    tx: Transaction,
    { orderId, venueTradeId }: { orderId: string; venueTradeId: string },
  ): Promise<(PositionKey & { mode: Mode; fillId: string }) | undefined> {
    const [rows] = await tx.query<[(PositionKey & { mode: Mode; fillId: string })[], number]>(
      `UPDATE fills SET finality = 'VOIDED' WHERE order_id = $1 AND venue_trade_id = $2 AND finality <> 'VOIDED'
       RETURNING ${KEY}, mode, id AS "fillId"`,
      [orderId, venueTradeId],
    );
    return rows[0];
  }

  async markFinal(
    tx: Transaction,
    { orderId, venueTradeId }: { orderId: string; venueTradeId: string },
  ): Promise<void> {
    await tx.query(
      `UPDATE fills SET finality = 'FINAL' WHERE order_id = $1 AND venue_trade_id = $2 AND finality = 'PROVISIONAL'`,
      [orderId, venueTradeId],
    );
  }

  async insertFills(tx: Transaction, fills: readonly FillRow[], bookedAt: string): Promise<void> {
    const rows = fills.map(({ trade, notional, realizedPnl, ...fill }) => ({
      ...fill,
      ...textsOfAmounts({ ...trade, notional, realizedPnl }),
      side: trade.side,
    }));
    await tx.query(
      `INSERT INTO fills (id, order_id, ${KEY}, mode, venue_trade_id, side, price, quantity, notional, fee, liquidity, finality,
                          realized_pnl, executed_at, booked_at)
       SELECT id, "orderId", ${KEY}, mode, "venueTradeId", side, price, quantity, notional, fee, liquidity, finality,
              "realizedPnl", "executedAt", $2
       FROM jsonb_to_recordset($1::jsonb)
         AS f(id uuid, "orderId" uuid, ${KEY_COLUMNS}, mode text, "venueTradeId" text, side text, price numeric, quantity numeric,
              notional numeric, fee numeric, liquidity text, finality text, "realizedPnl" numeric, "executedAt" timestamptz)`,
      [JSON.stringify(rows), bookedAt],
    );
  }

  /** Appends to the journal, in this order. */
  async insertPostings(tx: Transaction, postings: readonly PostingRow[], bookedAt: string): Promise<void> {
    const rows = postings.map(({ posting, ...row }, n) => ({ ...row, n, ...textsOfAmounts(posting) }));
    await tx.query(
      `INSERT INTO postings (kind, fill_id, mode, ${KEY}, shares, cash, cost, realized, fees, capital, booked_at)
       SELECT kind, "fillId", mode, ${KEY}, shares, cash, cost, realized, fees, capital, $2
       FROM jsonb_to_recordset($1::jsonb)
         AS p(n integer, kind text, "fillId" uuid, mode text, ${KEY_COLUMNS}, shares numeric, cash numeric, cost numeric,
              realized numeric, fees numeric, capital numeric)
       ORDER BY n`,
      [JSON.stringify(rows), bookedAt],
    );
  }
}

export function tradeOf({ side, price, quantity, fee, paid }: TradeRow): Trade {
  const trade = { side, price: amount(price), quantity: amount(quantity), fee: amount(fee) };
  return paid === null ? trade : { ...trade, notional: amount(paid) };
}
