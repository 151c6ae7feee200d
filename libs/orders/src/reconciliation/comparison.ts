/** What of an account is compared. */
export type ComparedKind =
  /** All money of the account. */
  | 'cash'
  /** Shares held of one outcome, over all strategies. */
  | 'position'
  /** An order that both sides know, by its id here. */
  | 'order'
  /** An order that works by the ledger, and that the venue does not have. By its id here. */
  | 'missing-order'
  /** An order that works at the venue, and that the ledger does not have. By its id there. */
  | 'foreign-order';

/** One line of a comparison: what either side says. */
export interface ComparedItem {
  readonly kind: ComparedKind;
  /** Which one: `market outcome` of a position, an order's id, the account's name. */
  readonly key: string;
  /** Exact decimal text, or an order in words; null when this side has no such thing. */
  readonly ledger: string | null;
  readonly venue: string | null;
  /**
   * By how much the sides differ, as decimal text, in shares or for cash in units of collateral, never negative. Null when they differ
   * in something else than a number.
   */
  readonly by: string | null;
}

/** The two sides of one account, as of one instant. */
export interface Comparison {
  readonly venue: string;
  readonly account: string;
  /** Everything that was compared, what agrees included. */
  readonly items: readonly ComparedItem[];
  readonly differences: readonly ComparedItem[];
  /** Working orders left out, since what becomes of them is being found out: not sent yet, unanswered, ended with fills to be booked. */
  readonly inFlight: number;
  /**
   * False when trading went on meanwhile, so that cash, and the positions and orders that were traded, could not be compared. What is
   * told of the others holds.
   */
  readonly isComplete: boolean;
  /** By either side's own rules, which need not be the same; told, not compared. */
  readonly reserved: { readonly ledger: string; readonly venue: string };
}

export function isDifferent({ kind, by }: ComparedItem): boolean {
  return kind === 'missing-order' || kind === 'foreign-order' || by !== '0';
}

/** Names what differs and how, but not the numbers themselves: these go on changing while trading goes on. */
export function signOf({ kind, key, ledger, venue, by }: ComparedItem): string {
  return JSON.stringify(by === null ? [kind, key, ledger, venue] : [kind, key, by]);
}
