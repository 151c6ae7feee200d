import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AccountKey } from './ledger/ledger.js';
import { TRANSFER_COLUMNS, type TransferRow, type TransferView, transferViewOf } from './transfer-view.js';

export interface TransferPage {
  readonly items: TransferView[];
  /** Id of the last item when there are more. */
  readonly nextCursor: string | null;
}

/** Deposits and withdrawals that were booked on an account, newest first; null when the ledger has no such account. `limit` is from 1 to 200. */
export class ListTransfers extends Query<TransferPage | null> {
  constructor(
    readonly of: AccountKey,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListTransfers)
export class ListTransfersHandler implements IQueryHandler<ListTransfers> {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async execute({ of: { venue, account }, limit, before }: ListTransfers): Promise<TransferPage | null> {
    const known = await this.dataSource.query<unknown[]>('SELECT FROM accounts WHERE venue = $1 AND account = $2', [
      venue,
      account,
    ]);
    if (known.length === 0) return null;
    const rows = await this.dataSource.query<TransferRow[]>(
      `SELECT ${TRANSFER_COLUMNS} FROM transfers WHERE venue = $1 AND account = $2 AND ($4::uuid IS NULL OR id < $4)
       ORDER BY id DESC LIMIT $3`, // ids are UUIDv7: by time
      [venue, account, limit + 1, before ?? null],
    );
    const items = rows.slice(0, limit).map(transferViewOf);
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.transferId ?? null) : null };
  }
}
