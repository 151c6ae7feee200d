import type { Mode } from '@interlock/kill-switch';
import { OpsEvents } from '@interlock/ops-events';
import {
  type Amount,
  amount,
  amountText,
  newId,
  plainAmount,
  type Transaction,
  Transactions,
} from '@interlock/persistence';
import { OrderAdmissions } from '@interlock/risk-guards';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type AccountKey, Ledger } from './ledger/ledger.js';
import { TRANSFER_COLUMNS, type TransferRow, type TransferView, transferViewOf } from './transfer-view.js';

/** Money that a person moved to or from an account at its venue, as it is to be booked. Amounts in units of collateral, decimal text. */
export interface TransferWish extends AccountKey {
  /** Above zero a deposit, below zero a withdrawal; never zero. */
  readonly amount: string;
  /** Why, or where it came from; kept with the transfer and told in the event. */
  readonly reason: string;
  /** 1 to 128 visible characters; with one key an account books once. */
  readonly idempotencyKey: string;
  /** Only while the books say that the account has this cash; absent: whatever they say. */
  readonly expectedCash?: string;
}

export interface TransferBooker {
  readonly name: string;
  /** The part of the system that they used, such as `api`. */
  readonly source: string;
}

/**
 * Books a deposit or withdrawal that was made at a venue, so that books and venue agree again. It moves no money, and changes neither
 * positions nor orders nor any result: profit, daily loss and drawdown do not see it. No switch forbids it: one is on because it is missing.
 */
export class BookTransfer extends Command<BookTransferResult> {
  constructor(
    readonly wish: TransferWish,
    readonly by: TransferBooker,
  ) {
    super();
  }
}

export type BookTransferResult =
  | { kind: 'booked'; transfer: TransferView }
  /** The key was used before, for the same amount. */
  | { kind: 'replayed'; transfer: TransferView }
  /** The key was used before, for another amount. */
  | { kind: 'key-reused'; transferId: string }
  /** Less cash would be left than working orders reserve; decimal text. */
  | { kind: 'not-free'; cash: string; reserved: string }
  /** The books do not say the expected cash, but this. */
  | { kind: 'cash-changed'; cash: string }
  | { kind: 'unknown-account' };

@CommandHandler(BookTransfer)
export class BookTransferHandler implements ICommandHandler<BookTransfer> {
  constructor(
    private readonly transactions: Transactions,
    private readonly admissions: OrderAdmissions,
    private readonly ledger: Ledger,
    private readonly events: OpsEvents,
  ) {}

  execute({ wish, by }: BookTransfer): Promise<BookTransferResult> {
    const moved = amount(wish.amount);
    if (moved.isZero()) throw new RangeError('a transfer of nothing');
    return this.transactions.run(async (tx) => {
      const account = await this.lock(tx, wish);
      if (account === undefined) return { kind: 'unknown-account' };
      const earlier = await findTransfer(tx, wish);
      if (earlier !== undefined) return repetitionOf(earlier, moved);
      const before = amount(account.cash);
      if (wish.expectedCash !== undefined && !before.eq(amount(wish.expectedCash))) {
        return { kind: 'cash-changed', cash: amountText(before) };
      }
      const cash = before.plus(moved);
      if (moved.lt(0) && cash.lt(amount(account.reserved))) {
        return { kind: 'not-free', cash: amountText(cash), reserved: plainAmount(account.reserved) };
      }
      const transfer = await this.book(tx, { ...wish, mode: account.mode }, { moved, cash, by });
      await this.events.record(tx, eventOf(transfer, account, by));
      return { kind: 'booked', transfer };
    });
  }

  /** No order can come to count on the cash meanwhile, and nothing else can change it. */
  private async lock(tx: Transaction, of: AccountKey): Promise<LockedAccount | undefined> {
    const [known] = await tx.query<{ mode: Mode }[]>('SELECT mode FROM accounts WHERE venue = $1 AND account = $2', [
      of.venue,
      of.account,
    ]);
    if (known === undefined) return undefined;
    await this.admissions.hold(tx, known.mode);
    const [account] = await tx.query<LockedAccount[]>(
      'SELECT mode, cash::text, reserved::text FROM accounts WHERE venue = $1 AND account = $2 FOR UPDATE',
      [of.venue, of.account],
    );
    return account;
  }

  private async book(
    tx: Transaction,
    { venue, account, mode, reason, idempotencyKey }: TransferWish & { mode: Mode },
    { moved, cash, by }: { moved: Amount; cash: Amount; by: TransferBooker },
  ): Promise<TransferView> {
    const { number, bookedAt } = await this.ledger.bookTransfer(tx, { venue, account, mode }, moved);
    const transfer: TransferView = {
      transferId: newId(),
      venue,
      account,
      amount: amountText(moved),
      cash: amountText(cash),
      reason,
      idempotencyKey,
      bookedBy: by.name,
      bookedAt: bookedAt.toISOString(),
    };
    await tx.query(
      `INSERT INTO transfers (id, posting, venue, account, idempotency_key, amount, cash, reason, booked_by, booked_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        transfer.transferId,
        number,
        venue,
        account,
        idempotencyKey,
        transfer.amount,
        transfer.cash,
        reason,
        by.name,
        bookedAt,
      ],
    );
    return transfer;
  }
}

interface LockedAccount {
  readonly mode: Mode;
  readonly cash: string;
  readonly reserved: string;
}

async function findTransfer(
  tx: Transaction,
  { venue, account, idempotencyKey }: TransferWish,
): Promise<TransferView | undefined> {
  const [stored] = await tx.query<TransferRow[]>(
    `SELECT ${TRANSFER_COLUMNS} FROM transfers WHERE venue = $1 AND account = $2 AND idempotency_key = $3`,
    [venue, account, idempotencyKey],
  );
  return stored === undefined ? undefined : transferViewOf(stored);
}

function repetitionOf(earlier: TransferView, moved: Amount): BookTransferResult {
  if (!amount(earlier.amount).eq(moved)) return { kind: 'key-reused', transferId: earlier.transferId };
  return { kind: 'replayed', transfer: earlier };
}

function eventOf(transfer: TransferView, { mode, cash, reserved }: LockedAccount, { name, source }: TransferBooker) {
  const { transferId, venue, account, amount: moved, idempotencyKey } = transfer;
  const numbers = {
    amount: moved,
    cashBefore: plainAmount(cash),
    cash: transfer.cash,
    reserved: plainAmount(reserved),
  };
  return {
    event: 'transfer_booked',
    source,
    reason: transfer.reason,
    actor: name,
    details: { transferId, scope: `venue:${venue}`, mode, venue, account, ...numbers, idempotencyKey },
  } as const;
}
