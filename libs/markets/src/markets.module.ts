import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { GetMarketsHandler } from './get-markets.js';
import { UpstreamMarkets } from './upstream-markets.js';

/** Where the markets come from. */
@Module({ imports: [CqrsModule], providers: [UpstreamMarkets, GetMarketsHandler] })
export class MarketsModule {}
