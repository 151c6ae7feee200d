import { Module } from '@nestjs/common';
import { MarketQuotes } from './market-quotes.js';
import { Venues } from './port/venues.js';

/** The configured venues, and what is known of their markets. */
@Module({
  providers: [MarketQuotes, { provide: Venues, useFactory: () => new Venues([]) }],
  exports: [MarketQuotes, Venues],
})
export class VenuesModule {}
