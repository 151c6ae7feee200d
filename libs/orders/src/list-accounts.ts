import type { Mode } from '@interlock/kill-switch';
import { plainAmount } from '@interlock/persistence';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AccountKey } from './ledger/ledger.js';

/** What the books say of an account's money, as decimal text in units of collateral. */
export interface AccountView extends AccountKey {
  readonly mode: Mode;
  /** All of it, what is reserved included. */
  readonly cash: string;
  /** What working buys may still cost, their highest fees included. */
  readonly reserved: string;
  /** What of it new orders and withdrawals may use: below zero where fees or roundings took more than there was. */
  readonly free: string;
}

/** The accounts that the ledger has, by venue and account: as many as are traded on. */
export class ListAccounts extends Query<AccountView[]> {}

@QueryHandler(ListAccounts)
export class ListAccountsHandler implements IQueryHandler<ListAccounts> {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async execute(): Promise<AccountView[]> {
    const rows = await this.dataSource.query<AccountView[]>(
      `SELECT venue, account, mode, cash::text, reserved::text, (cash - reserved)::text AS free FROM accounts
       ORDER BY venue, account`,
    );
    return rows.map(({ cash, reserved, free, ...of }) => ({
      ...of,
      cash: plainAmount(cash),
      reserved: plainAmount(reserved),
      free: plainAmount(free),
    }));
  }
}
