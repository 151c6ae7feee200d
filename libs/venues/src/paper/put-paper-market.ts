import { newId, ZERO } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Exchange } from './exchange.js';
import type { MarketRules, MarketState } from './exchange.types.js';
import { EMPTY_BOOK } from './matching/book.js';
import { type PaperMarketView, paperMarketView } from './paper-market-view.js';
import { PaperRecords } from './paper-records.js';
import { type FieldErrors, listingOf, type ListingRequest } from './requests.js';

export type PutPaperMarketResult =
  | { kind: 'listed'; market: PaperMarketView }
  | { kind: 'invalid'; fieldErrors: FieldErrors }
  /** It was settled, which is for good. */
  | { kind: 'market-closed' };

/** Makes a market of the paper venue, or replaces its rules and what others offer in it. Resting orders that it reaches are filled. */
export class PutPaperMarket extends Command<PutPaperMarketResult> {
  constructor(
    readonly market: string,
    readonly request: ListingRequest,
  ) {
    super();
  }
}

@CommandHandler(PutPaperMarket)
export class PutPaperMarketHandler implements ICommandHandler<PutPaperMarket> {
  constructor(private readonly records: PaperRecords) {}

  async execute({ market: name, request }: PutPaperMarket): Promise<PutPaperMarketResult> {
    const listing = listingOf(name, request);
    if ('fieldErrors' in listing) return { kind: 'invalid', fieldErrors: listing.fieldErrors };
    return this.records.change<PutPaperMarketResult>({ markets: [name], orders: { market: name } }, (exchange) => {
      const market = exchange.state.markets.get(name) ?? newMarket(exchange, listing.rules);
      if (market.settledAt !== null) return { kind: 'market-closed' };
      if (!haveSameItems(market.rules.outcomes, listing.rules.outcomes)) {
        const known = market.rules.outcomes.join(', ');
        return { kind: 'invalid', fieldErrors: { outcomes: [`must stay those of the market: ${known}`] } };
      }
      exchange.list(market, { ...listing.rules, outcomes: market.rules.outcomes }, listing.books);
      return { kind: 'listed', market: paperMarketView(market) };
    });
  }
}

function newMarket(exchange: Exchange, rules: MarketRules): MarketState {
  const outcomes = rules.outcomes.map((outcome) => {
    return [outcome, { outcome, book: EMPTY_BOOK, held: ZERO, promised: ZERO }] as const;
  });
  const market = { id: newId(), rules, settledAt: null, outcomes: new Map(outcomes) };
  exchange.state.markets.set(rules.market, market);
  return market;
}

function haveSameItems(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((item) => others.includes(item));
}
