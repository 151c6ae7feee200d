import { randomUUID } from 'node:crypto';
import { Transactions } from '@interlock/persistence';
import { Client } from 'pg';
import { Ledger, type StatusChange } from '../../libs/orders/src/ledger/ledger.js';
import { openPaperVenue } from './open-venue.js';
import { type Answer, AUTHORIZED, startTestApi, type TestApi } from './test-api.js';

/** An order as the api tells it, as far as tests look at it. */
export interface ToldOrder {
  orderId: string;
  status: string;
  version: number;
  [name: string]: unknown;
}

/** What one result of a batch, or the answer to one order, tells. */
export interface ToldResult {
  ok: boolean;
  code?: string;
  replayed?: boolean;
  order?: ToldOrder;
  fieldErrors?: Record<string, string[]>;
  [name: string]: unknown;
}

/** The api with a paper venue that takes orders and a market; what a worker would do with orders is done by hand. */
export class TradingApi {
  private constructor(
    readonly api: TestApi,
    readonly probe: Client,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<TradingApi> {
    const api = await startTestApi({ ORDER_RATE_LIMIT_PER_MIN: '1000000', ...environment });
    const probe = new Client({ connectionString: api.database.url });
    await probe.connect();
    await openPaperVenue(api.database.url);
    const trading = new TradingApi(api, probe);
    await trading.market('rain');
    return trading;
  }

  async close(): Promise<void> {
    await this.probe.end();
    await this.api.close();
  }

  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return this.api.call(path, {
      method,
      headers: { ...AUTHORIZED, ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async market(id: string, more: object = {}): Promise<void> {
    const books = { YES: { bids: [['0.4', '1000']], asks: [['0.5', '1000']] } };
    const rules = { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: 1, status: 'OPEN' };
    const { status, body } = await this.send('PUT', `/api/paper/markets/${id}`, { ...rules, books, ...more });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }

  place(order: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', '/api/orders', { ...this.order(), ...order }, headers);
  }

  async batch(orders: readonly unknown[]): Promise<ToldResult[]> {
    const { status, body } = await this.send('POST', '/api/orders/batch', { orders });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body['results'] as ToldResult[];
  }

  order(more: object = {}): object {
    return { market: 'rain', outcome: 'YES', side: 'BUY', price: '0.42', quantity: '10', ...more };
  }

  /** Places an order that must be admitted. */
  async admitted(order: object = {}): Promise<ToldOrder> {
    const { status, body } = await this.place(order);
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body['order'] as ToldOrder;
  }

  /** Leads the order through these statuses, as its venue's answers would. */
  async lead(orderId: string, ...statuses: readonly StatusChange['to'][]): Promise<void> {
    await this.transactions.run(async (tx) => {
      for (const to of statuses) await this.ledger.changeStatus(tx, [{ orderId, to }]);
    });
  }

  /** Buys or sells at this price, up to the booking of the fill. */
  async trade(
    side: 'BUY' | 'SELL',
    quantity: string,
    price: string,
    { fee = '0', ...order }: { fee?: string; strategy?: string; market?: string; outcome?: string } = {},
  ): Promise<ToldOrder> {
    const placed = await this.admitted({ side, quantity, price, ...order });
    await this.lead(placed.orderId, 'SUBMITTED');
    await this.fill(placed.orderId, { price, quantity, fee });
    return placed;
  }

  async fill(orderId: string, trade: { price: string; quantity: string; fee: string }): Promise<void> {
    const told = { venueTradeId: randomUUID(), executedAt: new Date(), liquidity: 'TAKER', finality: 'FINAL' } as const;
    await this.transactions.run((tx) => this.ledger.bookFills(tx, [{ orderId, ...trade, ...told }]));
  }

  async items<T>(path: string): Promise<T[]> {
    const { status, body } = await this.api.get(path);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body.items as T[];
  }

  private get ledger(): Ledger {
    return this.api.app.get(Ledger, { strict: false });
  }

  private get transactions(): Transactions {
    return this.api.app.get(Transactions, { strict: false });
  }
}
