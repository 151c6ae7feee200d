import { Settings } from '@interlock/config';
import {
  amount,
  amountText,
  isDatabaseUnavailable,
  newId,
  SharedBatches,
  type Transaction,
  Transactions,
} from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { MarketQuotes } from '../market-quotes.js';
import { Exchange } from './exchange.js';
import { isWorking, type PaperBehaviour } from './exchange.types.js';
import { ANYTHING_OVER, CREATE_ACCOUNT, LOCK_ACCOUNT, READ, SAVE } from './records.sql.js';
import {
  bookRow,
  fillRow,
  marketOf,
  marketRow,
  type MarketRow,
  orderOf,
  type OrderRow,
  orderRow,
  positionRow,
  quoteOf,
  settlementRow,
} from './rows.js';

/** What a change looks at; all else of the venue is not in its reach. */
export interface Scope {
  readonly markets?: readonly string[];
  /** Working orders of a market, of an outcome of it, or, as `{}`, all of them. */
  readonly orders?: { readonly market?: string; readonly outcome?: string };
  /** Clients' keys of orders. */
  readonly keys?: readonly string[];
}

interface Change {
  readonly scope: Scope;
  readonly act: (exchange: Exchange) => unknown;
}

interface AccountRow {
  cash: string;
  reserved: string;
  lastArrival: number;
  lastSequence: number;
}

interface ReadRow {
  now: Date;
  behaviour: PaperBehaviour & { ordersJudged: number };
  orders: OrderRow[];
  markets: MarketRow[];
}

/**
 * Lets things happen at the paper venue: reads what is touched, has the rules decide in memory, and writes what changed, all in one
 * transaction under the account's lock. A crash leaves all of it or nothing. Changes of this process that come together share a
 * transaction.
 */
@Injectable()
export class PaperRecords {
  private readonly batches = new SharedBatches<Change, unknown>(
    (changes) => this.carryOut(changes),
    isDatabaseUnavailable,
  );

  constructor(
    private readonly transactions: Transactions,
    private readonly quotes: MarketQuotes,
    private readonly settings: Settings,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** @param act must have no effect but on the exchange: it may be called again after a rollback */
  async change<T>(scope: Scope, act: (exchange: Exchange) => T): Promise<T> {
    return (await this.batches.add({ scope, act })) as T;
  }

  /** Ends orders whose time is over, so that readers find them ended. */
  async expire(): Promise<void> {
    const [over] = await this.dataSource.query<{ found: boolean }[]>(ANYTHING_OVER);
    if (over?.found === true) await this.change({}, () => undefined);
  }

  private carryOut(changes: readonly Change[]): Promise<unknown[]> {
    return this.transactions.run(async (tx) => {
      const exchange = await this.open(
        tx,
        changes.map(({ scope }) => scope),
      );
      exchange.expire();
      const results = changes.map(({ act }) => act(exchange));
      await this.save(tx, exchange);
      return results;
    });
  }

  private async open(tx: Transaction, scopes: readonly Scope[]): Promise<Exchange> {
    const account = await this.lock(tx);
    const [read] = await tx.query<ReadRow[]>(READ, [
      scopes.flatMap(({ markets = [] }) => markets),
      JSON.stringify(scopes.flatMap(({ orders }) => orders ?? [])),
      scopes.flatMap(({ keys = [] }) => keys),
    ]);
    if (read === undefined) throw new Error('the paper venue cannot be read');
    const { ordersJudged, ...behaviour } = read.behaviour;
    const orders = read.orders.map(orderOf);
    const state = {
      account: { ...account, cash: amount(account.cash), reserved: amount(account.reserved) },
      markets: new Map(read.markets.map((row) => [row.market, marketOf(row)])),
      orders: new Map(orders.filter(isWorking).map((order) => [order.id, order])),
      known: new Map(orders.map((order) => [order.clientKey, order])),
      behaviour,
      ordersJudged,
    };
    return new Exchange(state, read.now, newId);
  }

  private async lock(tx: Transaction): Promise<AccountRow> {
    const [account] = await tx.query<AccountRow[]>(LOCK_ACCOUNT);
    if (account !== undefined) return account;
    await tx.query(CREATE_ACCOUNT, [this.settings.paperCash]);
    return this.lock(tx);
  }

  private async save(tx: Transaction, { state, changes, now }: Exchange): Promise<void> {
    const { account, behaviour, ordersJudged } = state;
    await tx.query(SAVE, [
      amountText(account.cash),
      amountText(account.reserved),
      account.lastArrival,
      account.lastSequence,
      JSON.stringify({ ...behaviour, ordersJudged }),
      JSON.stringify([...changes.markets].map(marketRow)),
      JSON.stringify(
        [...changes.books].map(([outcome, { rules }]) => ({
          market: rules.market,
          outcome: outcome.outcome,
          ...bookRow(outcome.book),
        })),
      ),
      JSON.stringify([...changes.positions].map(([outcome, market]) => positionRow(market, outcome))),
      JSON.stringify([...changes.orders].map(orderRow)),
      JSON.stringify(changes.fills.map(fillRow)),
      JSON.stringify(changes.settlements.map(settlementRow)),
      now,
    ]);
    const changed = [...changes.books];
    const listed = changed.filter(([, market]) => changes.markets.has(market));
    const taken = changed.filter(([, market]) => !changes.markets.has(market));
    await this.quotes.store(tx, listed.map(([outcome, market]) => quoteOf(market, outcome))); // prettier-ignore
    await this.quotes.store(tx, taken.map(([outcome, market]) => quoteOf(market, outcome)), false); // prettier-ignore
  }
}
