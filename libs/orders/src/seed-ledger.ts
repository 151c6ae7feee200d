import { newId, type Transaction, Transactions } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Ledger } from './ledger/ledger.js';
import type { OrderParams } from './order.js';
import { ledgerOrderOf, type NewOrder, Orders } from './orders.repository.js';

/**
 * Fills the ledger with a little trading in mode mock, so that guards have something to read: with RISK_MAX_DAILY_LOSS=6, or
 * within a minute ORDER_RATE_LIMIT_PER_MIN=3, a start is refused. Once a day; a repetition changes nothing.
 */
export class SeedLedger extends Command<LedgerSeed> {}

export interface LedgerSeed {
  /** `unchanged`: today's were there already. */
  readonly kind: 'made' | 'unchanged';
  /** One line for people. */
  readonly summary: string;
}

const SUMMARY = '3 orders, 2 fills, 1 position and a loss of 6.25 today, in mode mock';

/*
 * Bought 100 at 0.60, sold 40 of them at 0.45 for a fee of 0.25: realised 18 − 24 = −6, a result of −6.25; 60 shares that cost 36
 * are held. Every order is final, so that nothing waits for a venue that does not exist.
 */
const ORDERS = [
  { side: 'BUY', outcome: 'YES', price: '0.6', quantity: '100', fee: '0' },
  { side: 'SELL', outcome: 'YES', price: '0.45', quantity: '40', fee: '0.25' },
  { side: 'BUY', outcome: 'NO', price: '0.3', quantity: '20', fee: null },
] as const;

@CommandHandler(SeedLedger)
export class SeedLedgerHandler implements ICommandHandler<SeedLedger> {
  constructor(
    private readonly transactions: Transactions,
    private readonly orders: Orders,
    private readonly ledger: Ledger,
  ) {}

  execute(): Promise<LedgerSeed> {
    return this.transactions.run((tx) => this.seed(tx));
  }

  private async seed(tx: Transaction): Promise<LedgerSeed> {
    const [today] = await tx.query<{ day: string; at: Date }[]>(
      'SELECT risk_day_of(clock_timestamp())::text AS day, clock_timestamp() AS at',
    );
    if (today === undefined) throw new Error('the database told no day');
    const orders = ORDERS.map((order, index) => newOrder(order, `seed-${today.day}`, index));
    const inserted = await this.orders.insert(tx, orders);
    if (inserted.size < orders.length) return { kind: 'unchanged', summary: SUMMARY };

    await this.ledger.reserve(tx, orders.map(ledgerOrderOf));
    await this.ledger.changeStatus(
      tx,
      orders.map(({ id }) => ({ orderId: id, to: 'SUBMITTED' as const })),
    );
    await this.ledger.bookFills(
      tx,
      ORDERS.flatMap(({ side, price, quantity, fee }, index) => {
        const orderId = orders[index]?.id;
        if (fee === null || orderId === undefined) return [];
        const trade = { venueTradeId: `seed-${today.day}-${side}`, price, quantity, fee, executedAt: today.at };
        return [{ orderId, ...trade, liquidity: 'TAKER' as const, finality: 'FINAL' as const }];
      }),
    );
    await this.ledger.changeStatus(tx, [{ orderId: orders[2]?.id ?? '', to: 'CANCELED', reason: 'seed' }]);
    await tx.query(`SELECT 1 FROM open_risk_state('{mock}', 'orderRate')`); // the lock under which admissions are counted
    await tx.query(`SELECT count_admissions('orderRate', 'mode:mock', $1)`, [ORDERS.length]);
    return { kind: 'made', summary: SUMMARY };
  }
}

function newOrder(
  { side, outcome, price, quantity }: (typeof ORDERS)[number],
  market: string,
  index: number,
): NewOrder {
  const params: OrderParams = {
    strategy: 'default',
    mode: 'mock',
    venue: 'mock',
    market,
    outcome,
    side,
    type: 'limit',
    price,
    quantity,
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
  };
  const clientOrderId = `${market}-${index + 1}`;
  return { id: newId(), params, account: 'default', clientOrderId, runId: null, feeReserve: '0' };
}
