export { highestFee } from './fees.js';
export type { BookUpdate, MarketDataSource, MarketDataStep, ShownBook } from './market-data/market-data.js';
export {
  InvalidRecording,
  readSeries,
  RecordedMarketData,
  type RecordedSeries,
} from './market-data/recorded-series.js';
export type { SyntheticBookRules } from './market-data/synthetic-book.js';
export { type MarketQuote, MarketQuotes, type QuoteKey, type StoredMarketQuote } from './market-quotes.js';
export { ACKNOWLEDGEMENTS, PAPER_MODES, type PaperBehaviour } from './paper/exchange.types.js';
export { GetPaperAccount, type PaperAccount } from './paper/get-paper-account.js';
export { ListPaperFills } from './paper/list-paper-fills.js';
export { ListPaperMarkets } from './paper/list-paper-markets.js';
export { ListPaperOrders } from './paper/list-paper-orders.js';
export type { PaperMarketView } from './paper/paper-market-view.js';
export type { ListedFill } from './paper/paper-reads.js';
export { PutPaperMarket, type PutPaperMarketResult } from './paper/put-paper-market.js';
export { type AmountInput, isMarketId, type ListingRequest, parseAmount, parseSignedAmount } from './paper/requests.js';
export { SetPaperBehaviour } from './paper/set-paper-behaviour.js';
export { SettlePaperMarket, type SettlePaperMarketResult } from './paper/settle-paper-market.js';
export { TradeByOthers, type TradeByOthersResult } from './paper/trade-by-others.js';
export { TransferPaperCash, type TransferPaperCashResult } from './paper/transfer-paper-cash.js';
export { isAtOrPast, isNotFoundFinal } from './port/certainty.js';
export { type Venue, VenueUnreachable } from './port/venue.js';
export * from './port/venue.types.js';
export { Venues } from './port/venues.js';
export { VenuesModule } from './venues.module.js';
