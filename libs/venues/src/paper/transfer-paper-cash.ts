import { amount, amountText } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { DecimalText, VenueBalances } from '../port/venue.types.js';
import { PaperRecords } from './paper-records.js';

export type TransferPaperCashResult =
  | { kind: 'transferred'; balances: VenueBalances }
  /** What would be left is less than working orders hold. */
  | { kind: 'not-free'; balances: VenueBalances };

/**
 * Puts cash into the account of the paper venue, or below zero takes it out, as its holder would at a real one. It is no trade: nobody
 * is told, and the ledger learns of it from whoever books it there.
 */
export class TransferPaperCash extends Command<TransferPaperCashResult> {
  constructor(readonly cash: DecimalText) {
    super();
  }
}

@CommandHandler(TransferPaperCash)
export class TransferPaperCashHandler implements ICommandHandler<TransferPaperCash> {
  constructor(private readonly records: PaperRecords) {}

  execute({ cash }: TransferPaperCash): Promise<TransferPaperCashResult> {
    return this.records.change<TransferPaperCashResult>({}, (exchange) => {
      const { account } = exchange.state;
      const after = account.cash.plus(amount(cash));
      const balances = { cash: amountText(after), reserved: amountText(account.reserved) };
      if (amount(cash).lt(0) && after.lt(account.reserved)) return { kind: 'not-free', balances };
      account.cash = after;
      return { kind: 'transferred', balances };
    });
  }
}
