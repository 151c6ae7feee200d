import { BookTransfer, type Comparison, type TransferView } from '@interlock/orders';
import { amount, amountText, newId } from '@interlock/persistence';
import type { CommandBus } from '@nestjs/cqrs';

/** What became of the wish to book a difference in cash. */
export type AcceptedCash =
  | { readonly kind: 'booked'; readonly transfer: TransferView }
  /** There is none. */
  | { readonly kind: 'nothing' }
  /** Nothing was booked; the reason is for people. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Books what cash differs by as a deposit or withdrawal: exactly what was compared, or nothing. Only where nothing else differs: a missing
 * trade makes cash and a position differ together, and booked as a deposit its cash would be wrong once the trade is found.
 */
export async function acceptCash(
  commands: CommandBus,
  { venue, account, items, differences, isComplete }: Comparison,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<AcceptedCash> {
  if (!isComplete) return refused('trading went on meanwhile, so that cash could not be compared');
  const others = differences.filter(({ kind }) => kind !== 'cash');
  if (others.length > 0) return refused('something else than cash differs, which must be cleared first');
  if (differences.length === 0) return { kind: 'nothing' };
  const cash = items.find(({ kind }) => kind === 'cash');
  if (cash === undefined || cash.ledger === null || cash.venue === null) throw new Error('cash was not compared');

  const moved = amountText(amount(cash.venue).minus(amount(cash.ledger)));
  const wish = {
    venue,
    account,
    amount: moved,
    reason,
    idempotencyKey: `reconcile-${newId()}`,
    expectedCash: cash.ledger,
  };
  const result = await commands.execute(new BookTransfer(wish, { name: by, source: 'reconcile' }));
  switch (result.kind) {
    case 'booked':
      return { kind: 'booked', transfer: result.transfer };
    case 'not-free':
      return refused(
        `a withdrawal of ${amountText(amount(moved).neg())} would leave ${result.cash}, less than the ${result.reserved} that working ` +
          'orders reserve; cancel some of them first',
      );
    case 'cash-changed':
      return refused(`the cash in the ledger has become ${result.cash} meanwhile; try again`);
    case 'replayed':
    case 'key-reused':
    case 'unknown-account':
      throw new Error(`a new transfer on a known account ended ${result.kind}`);
  }
}

function refused(reason: string): AcceptedCash {
  return { kind: 'refused', reason };
}
