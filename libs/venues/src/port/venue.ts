import type {
  CancelAllResult,
  CancelResult,
  CancelScope,
  OrderBook,
  OrderIntent,
  PreparedOrder,
  ResolveResult,
  SubmitOptions,
  SubmitResult,
  VenueBalances,
  VenueCapabilities,
  VenueFillPage,
  VenueHealth,
  VenueMarket,
  VenueMarketPage,
  VenueMode,
  VenueOrder,
  VenueOrderReference,
  VenuePosition,
  VenueSettlementPage,
  Watermark,
} from './venue.types.js';

/**
 * A venue as the rest of the program sees it: one account at one exchange. Adapters translate and nothing more; what an order may
 * do was judged before, and what it did is booked elsewhere.
 *
 * What the methods promise alike: none blocks longer than the venue's timeout; reads reject with `VenueUnreachable` when the venue
 * did not answer or not readably, and never answer with less than there is instead; no method sends an order but `submit`.
 */
export interface Venue {
  /** As in the kill switch's scope `venue:<name>`. */
  readonly name: string;
  readonly mode: VenueMode;
  /** Whose orders, fills and balances these are. */
  readonly account: string;

  /** What the venue can do. Does not change while the process runs. */
  capabilities(): VenueCapabilities;

  /** A page of the venue's markets that were not settled; `cursor` is the page before's `nextCursor`. */
  listMarkets(cursor?: string): Promise<VenueMarketPage>;

  /** Null when the venue knows no such market. */
  getMarket(market: string): Promise<VenueMarket | null>;

  /** Null when the venue knows no such market or outcome. Own working orders may be part of it or not. */
  getBook(market: string, outcome: string): Promise<OrderBook | null>;

  /**
   * Makes what `submit` will send, without input or output: the caller stores it in between (safety.md, O1). The same intent gives
   * the same key where the venue takes client ids; elsewhere each call signs anew, so an order is prepared once.
   */
  prepareOrder(intent: OrderIntent): PreparedOrder;

  /**
   * Sends a stored order, once. Never rejects: whatever goes wrong after the first byte is UNKNOWN, whatever goes wrong before it
   * is REJECTED with NOT_SENT. Called again with a key that the venue has already, it makes no second order where
   * `clientIdIdempotency` is true, and tells what became of the first.
   */
  submit(prepared: PreparedOrder, options: SubmitOptions): Promise<SubmitResult>;

  /**
   * Looks an order up by its key. A rejected order is found where the venue keeps a record of it.
   * @param since no earlier can it have been sent; venues without a look-up by key search from there
   */
  resolve(dedupeKey: string, market: string, since: Date): Promise<ResolveResult>;

  /** Cancels one order. Never rejects. May be repeated: the second answer is ALREADY_FINISHED. */
  cancel(order: VenueOrderReference): Promise<CancelResult>;

  /**
   * Cancels all working orders of a scope in as few requests as the venue allows. Never rejects. Orders that reach the venue after
   * it are not covered: repeat until `listOpenOrders` shows none (safety.md, K4).
   */
  cancelAll(scope: CancelScope): Promise<CancelAllResult>;

  /** Every working order of the account, of a market if given, whoever placed it. May lag by `readLagMs`. */
  listOpenOrders(market?: string): Promise<readonly VenueOrder[]>;

  /**
   * Fills after a watermark, in order, none left out and none told twice with the same finality. Where reads lag, the returned
   * watermark stays behind what may still appear.
   */
  listFills(since: Watermark): Promise<VenueFillPage>;

  getPositions(): Promise<readonly VenuePosition[]>;

  getBalances(): Promise<VenueBalances>;

  /** Settlements after a watermark, in order, with the promises of `listFills`. */
  listSettlements(since: Watermark): Promise<VenueSettlementPage>;

  /**
   * Has the venue cancel every working order when no `beat` comes for `ttlMs` milliseconds.
   * @returns false where the venue has no such thing (`capabilities().deadMan` is `none`)
   */
  armDeadMan(ttlMs: number): Promise<boolean>;

  /** A sign of life. That it failed means: admit nothing; not that orders are cancelled. */
  beat(): Promise<void>;

  /** Never rejects: a venue that does not answer is UNREACHABLE. */
  health(): Promise<VenueHealth>;
}

/** The venue did not answer, or not in a way that can be read: nothing is known. */
export class VenueUnreachable extends Error {
  constructor(
    readonly venue: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${venue}: ${message}`, options);
    this.name = 'VenueUnreachable';
  }
}
