import { KillSwitchWatch } from '@interlock/kill-switch';
import {
  type OrderRequest,
  type OrderStatus,
  type OrderView,
  PlaceOrders,
  type VenueDesk,
  VenueDesks,
} from '@interlock/orders';
import { type Venue, Venues } from '@interlock/venues';
import { CommandBus } from '@nestjs/cqrs';
import type { TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from './eventually.js';
import { PaperMarket } from './paper-market.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { startTrading } from './trading-module.js';
import { orderRequest } from './order-request.js';

/** A database of its own, two processes on it, and a paper market `m` with 1000 at 0.48 and at 0.52. */
export class PaperTrading {
  readonly market: PaperMarket;
  private desk: VenueDesk | undefined;

  private constructor(
    readonly database: TestDatabase,
    readonly modules: readonly [TestingModule, TestingModule],
    readonly probe: Client,
  ) {
    this.market = new PaperMarket(modules[0], 'm');
  }

  static async start(environment: Record<string, string> = {}): Promise<PaperTrading> {
    const database = await createTestDatabase();
    const settings = { VENUE_SUBMIT_TIMEOUT_MS: '400', ...environment };
    const modules = [await startTrading(database.url, settings), await startTrading(database.url, settings)] as const;
    await modules[0].get(KillSwitchWatch).start();
    const probe = new Client({ connectionString: database.url });
    await probe.connect();
    const trading = new PaperTrading(database, modules, probe);
    await trading.market.behave({});
    await trading.market.show([['0.48', '1000']], [['0.52', '1000']]);
    return trading;
  }

  async stop(): Promise<void> {
    await this.closeDesk();
    await this.probe.end();
    await Promise.all(this.modules.map((module) => module.close()));
    await this.database.drop();
  }

  /** The paper venue, as quick to read as it is here; else each difference would take seconds to be confirmed. */
  paper(process: 0 | 1 = 0): Venue {
    const venue = this.modules[process].get(Venues).get('paper');
    const capabilities = { ...venue.capabilities(), readLagMs: 50 };
    return Object.create(venue, { capabilities: { value: () => capabilities } }) as Venue;
  }

  async openDesk(): Promise<void> {
    this.desk = this.modules[0].get(VenueDesks).open(this.paper());
    await eventually('the venue is reconciled', async () => {
      const { rows } = await this.probe.query(
        `SELECT 1 FROM venue_states WHERE state = 'OPEN' AND reconciled_at IS NOT NULL`,
      );
      return rows[0];
    });
  }

  /** From now on the ledger stands still. */
  async closeDesk(): Promise<void> {
    await this.desk?.close();
    this.desk = undefined;
  }

  /** A bid of `alpha` for 10 YES at 0.5 unless told. */
  async place(rest: Partial<OrderRequest> = {}): Promise<OrderView> {
    const request = orderRequest(rest);
    const [result] = await this.modules[0].get(CommandBus).execute(new PlaceOrders([request], 'tester'));
    if (result?.kind !== 'admitted') throw new Error(`not admitted: ${JSON.stringify(result)}`);
    this.desk?.nudge();
    return result.order;
  }

  /** Its id, once it has the status. */
  async placed(status: OrderStatus, rest: Partial<OrderRequest> = {}): Promise<string> {
    const { orderId } = await this.place(rest);
    await eventually(`the order is ${status}`, async () => (await this.statusOf(orderId)) === status);
    return orderId;
  }

  async statusOf(orderId: string): Promise<string | undefined> {
    const { rows } = await this.probe.query<{ status: string }>('SELECT status FROM orders WHERE id = $1', [orderId]);
    return rows[0]?.status;
  }

  /** Buys 10 YES at 0.52. @returns a bid that works */
  async tradedALittle(): Promise<string> {
    await this.openDesk();
    await this.placed('FILLED', { price: '0.52' });
    return this.placed('OPEN');
  }

  /** Lets the venue work an order that the ledger never saw. @returns its id there */
  async placeBehindOurBack(): Promise<string> {
    const venue = this.paper();
    const sent = await venue.submit(venue.prepareOrder(this.market.intent('BUY', '3', '0.4')), {
      signal: new AbortController().signal,
      sendBy: new Date(Date.now() + 10_000),
    });
    if (sent.kind !== 'ACCEPTED') throw new Error(sent.kind);
    return sent.order.venueOrderId;
  }

  async eventsOf(name: string): Promise<{ reason: string; details: Record<string, unknown> }[]> {
    const { rows } = await this.probe.query<{ reason: string; details: Record<string, unknown> }>(
      'SELECT reason, details FROM ops_events WHERE event = $1 ORDER BY id',
      [name],
    );
    return rows;
  }

  /** Scopes whose switches are on. */
  async halted(): Promise<string[]> {
    const { rows } = await this.probe.query<{ scope: string }>(
      `SELECT scope FROM kill_switches WHERE enabled AND level = 'halt' ORDER BY scope`,
    );
    return rows.map(({ scope }) => scope);
  }
}
