export { highestFee } from './fees.js';
export { type MarketQuote, MarketQuotes, type QuoteKey, type StoredMarketQuote } from './market-quotes.js';
export { isAtOrPast, isNotFoundFinal } from './port/certainty.js';
export { type Venue, VenueUnreachable } from './port/venue.js';
export * from './port/venue.types.js';
export { Venues } from './port/venues.js';
export { VenuesModule } from './venues.module.js';
