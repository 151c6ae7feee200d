import { amount, type Transaction, ZERO } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import type { LedgerOrder } from './ledger/entries.js';
import { NewReservations } from './ledger/new-reservations.js';
import type { OrderParams } from './order.js';

/** An order that is to be stored. */
export interface NewOrder {
  readonly id: string;
  readonly params: OrderParams;
  readonly account: string;
  readonly clientOrderId: string | null;
  readonly runId: string | null;
  /** The highest fee that the whole order can cost, in units of collateral. */
  readonly feeReserve: string;
}

/** The orders' rows, but for what the ledger changes. */
@Injectable()
export class Orders {
  /**
   * Stores orders that the guards admit, with what they reserve; counts them, and tells the senders on the channel when the transaction
   * commits. In the transaction of their admission, behind its locks.
   * @returns when they were created
   */
  async admit(tx: Transaction, orders: readonly NewOrder[], channel: string): Promise<Date> {
    const { positions, exposures, accounts } = new NewReservations(orders.map(ledgerOrderOf));
    const sums = [positions, exposures, accounts].map((rows) => JSON.stringify(rows));
    const [row] = await tx.query<{ created: Date }[]>('SELECT admit_orders($1, $2, $3, $4, $5) AS created', [
      JSON.stringify(orders.map(rowOf)),
      ...sums,
      channel,
    ]);
    if (row === undefined) throw new Error('the admitted orders have no time');
    return row.created;
  }

  /**
   * Stores orders as ADMITTED. What they reserve is the ledger's matter.
   * @returns when each was created, by id; one whose strategy has its client order id already is left out
   */
  async insert(tx: Transaction, orders: readonly NewOrder[]): Promise<Map<string, Date>> {
    const inserted = await tx.query<{ id: string; created_at: Date }[]>(
      `INSERT INTO orders (id, client_order_id, run_id, strategy, mode, venue, account, market, outcome, side, type, price, quantity,
                           time_in_force, expires_at, post_only, reduce_only, fee_reserve, status)
       SELECT id, "clientOrderId", "runId", strategy, mode, venue, account, market, outcome, side, type, price, quantity,
              "timeInForce", "expiresAt", coalesce("postOnly", false), coalesce("reduceOnly", false), "feeReserve", 'ADMITTED'
       FROM jsonb_to_recordset($1::jsonb)
         AS o(id uuid, "clientOrderId" text, "runId" uuid, strategy text, mode text, venue text, account text, market text,
              outcome text, side text, type text, price numeric, quantity numeric, "timeInForce" text, "expiresAt" timestamptz,
              "postOnly" boolean, "reduceOnly" boolean, "feeReserve" numeric)
       ON CONFLICT (strategy, client_order_id) WHERE client_order_id IS NOT NULL DO NOTHING RETURNING id, created_at`,
      [JSON.stringify(orders.map(rowOf))],
    );
    return new Map(inserted.map(({ id, created_at }) => [id, created_at]));
  }
}

/** As JSON it lacks what is null or false: the database takes that for the same, and need not read it. */
function rowOf({ params, id, account, clientOrderId, runId, feeReserve }: NewOrder): object {
  return {
    id,
    account,
    feeReserve,
    ...params,
    clientOrderId: clientOrderId ?? undefined,
    runId: runId ?? undefined,
    price: params.price ?? undefined,
    expiresAt: params.expiresAt ?? undefined,
    postOnly: params.postOnly || undefined,
    reduceOnly: params.reduceOnly || undefined,
  };
}

/** A new order as the ledger reserves for it. */
export function ledgerOrderOf({ id, params, account, runId, feeReserve }: NewOrder): LedgerOrder {
  const { strategy, mode, venue, market, outcome, side, price, quantity } = params;
  return {
    id,
    strategy,
    mode,
    venue,
    account,
    market,
    outcome,
    side,
    runId,
    price: price === null ? null : amount(price),
    quantity: amount(quantity),
    filledQuantity: ZERO,
    filledNotional: ZERO,
    averagePrice: null,
    feeReserve: amount(feeReserve),
    status: 'ADMITTED',
    reason: null,
    venueOrderId: null,
    version: 1,
  };
}
