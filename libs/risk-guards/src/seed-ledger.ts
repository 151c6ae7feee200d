import { newId, type Transaction } from '@interlock/persistence';
import { RiskDays } from './risk-days.js';

export interface LedgerSeed {
  /** `unchanged`: today's were there already. */
  readonly kind: 'made' | 'unchanged';
  /** One line for people. */
  readonly summary: string;
}

const STRATEGY = 'default';
const SUMMARY = '3 orders, 2 fills, 1 position and a loss of 6.25 today, in mode mock';

/*
 * Bought 100 at 0.60, sold 40 of them at 0.45 for a fee of 0.25: realised 18 − 24 = −6, a result of −6.25; 60 shares that cost 36
 * are held. (Ledger arithmetic: orders.md.) Every order is final, so that nothing waits for a venue that does not exist.
 */
const ORDERS = [
  { side: 'BUY', outcome: 'YES', price: '0.6', quantity: '100', filled: '100', status: 'FILLED', reason: null },
  { side: 'SELL', outcome: 'YES', price: '0.45', quantity: '40', filled: '40', status: 'FILLED', reason: null },
  { side: 'BUY', outcome: 'NO', price: '0.3', quantity: '20', filled: '0', status: 'CANCELED', reason: 'seed' },
] as const;
const FILLS = [
  { order: 0, side: 'BUY', price: '0.6', quantity: '100', notional: '60', fee: '0', realizedPnl: '0' },
  { order: 1, side: 'SELL', price: '0.45', quantity: '40', notional: '18', fee: '0.25', realizedPnl: '-6' },
] as const;
const HELD = { quantity: '60', cost: '36', realizedPnl: '-6', fees: '0.25' } as const;

/**
 * Fills the ledger with a little trading in mode mock, so that guards have something to read: with RISK_MAX_DAILY_LOSS=6, or
 * within a minute ORDER_RATE_LIMIT_PER_MIN=3, a start is refused. Once a day; a repetition changes nothing.
 */
export async function seedLedger(tx: Transaction): Promise<LedgerSeed> {
  const [today] = await tx.query<{ day: string }[]>('SELECT risk_day_of(clock_timestamp())::text AS day');
  const market = `seed-${today?.day}`;
  const orderIds = ORDERS.map(() => newId());
  if (!(await insertOrders(tx, market, orderIds))) return { kind: 'unchanged', summary: SUMMARY };

  for (const { order, ...fill } of FILLS) await insertFill(tx, market, orderIds[order] ?? '', fill);
  await tx.query(
    `INSERT INTO positions (strategy, venue, market, outcome, mode, quantity, cost_basis, realized_pnl, fees)
     VALUES ($1, 'mock', $2, 'YES', 'mock', $3, $4, $5, $6)`,
    [STRATEGY, market, HELD.quantity, HELD.cost, HELD.realizedPnl, HELD.fees],
  );
  await tx.query(
    `INSERT INTO exposures AS e (mode, strategy, held_cost) VALUES ('mock', $1, $2)
     ON CONFLICT (mode, strategy) DO UPDATE
       SET held_cost = e.held_cost + excluded.held_cost, updated_at = clock_timestamp()`,
    [STRATEGY, HELD.cost],
  );
  await tx.query(`SELECT 1 FROM open_risk_state('{mock}', 'orderRate')`); // the lock under which admissions are counted
  await tx.query(`SELECT count_admissions('orderRate', 'mode:mock', $1)`, [ORDERS.length]);
  return { kind: 'made', summary: SUMMARY };
}

/** False when today's are there already; a concurrent seeding is waited for. */
async function insertOrders(tx: Transaction, market: string, ids: readonly string[]): Promise<boolean> {
  const rows = ORDERS.map((order, index) => ({ ...order, id: ids[index], clientOrderId: `${market}-${index + 1}` }));
  const inserted = await tx.query<unknown[]>(
    `INSERT INTO orders (id, client_order_id, strategy, mode, venue, market, outcome, side, type, price, quantity,
                         filled_quantity, average_price, time_in_force, status, reason)
     SELECT id, "clientOrderId", $1, 'mock', 'mock', $2, outcome, side, 'limit', price, quantity, filled,
            CASE WHEN filled > 0 THEN price END, 'GTC', status, reason
     FROM jsonb_to_recordset($3::jsonb) AS o(id uuid, "clientOrderId" text, outcome text, side text, price numeric,
                                             quantity numeric, filled numeric, status text, reason text)
     ON CONFLICT ON CONSTRAINT orders_client_order_id DO NOTHING RETURNING id`,
    [STRATEGY, market, JSON.stringify(rows)],
  );
  return inserted.length === ORDERS.length;
}

async function insertFill(
  tx: Transaction,
  market: string,
  orderId: string,
  fill: Omit<(typeof FILLS)[number], 'order'>,
): Promise<void> {
  const { side, price, quantity, notional, fee, realizedPnl } = fill;
  const bookedAt = await new RiskDays().book(tx, { mode: 'mock', strategy: STRATEGY, realizedPnl, fee });
  await tx.query(
    `INSERT INTO fills (id, order_id, strategy, mode, venue, venue_trade_id, market, outcome, side, price, quantity, notional,
                        fee, liquidity, finality, realized_pnl, executed_at, booked_at)
     VALUES ($1, $2, $3, 'mock', 'mock', $4, $5, 'YES', $6, $7, $8, $9, $10, 'TAKER', 'FINAL', $11, $12, $12)`,
    [
      newId(),
      orderId,
      STRATEGY,
      `${market}-${side}`,
      market,
      side,
      price,
      quantity,
      notional,
      fee,
      realizedPnl,
      bookedAt,
    ],
  );
}
