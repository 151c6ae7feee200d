export { GetMarkets } from './get-markets.js';
export { type Market, MARKET_STATUSES, type MarketStatus } from './market.js';
export { MarketsModule } from './markets.module.js';
export type { UpstreamError, UpstreamErrorCode, UpstreamResult } from './upstream-markets.js';
