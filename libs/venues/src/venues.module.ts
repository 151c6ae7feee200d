import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { MarketQuotes } from './market-quotes.js';
import { GetPaperAccountHandler } from './paper/get-paper-account.js';
import { ListPaperFillsHandler } from './paper/list-paper-fills.js';
import { ListPaperMarketsHandler } from './paper/list-paper-markets.js';
import { ListPaperOrdersHandler } from './paper/list-paper-orders.js';
import { PutPaperMarketHandler } from './paper/put-paper-market.js';
import { SetPaperBehaviourHandler } from './paper/set-paper-behaviour.js';
import { SettlePaperMarketHandler } from './paper/settle-paper-market.js';
import { TradeByOthersHandler } from './paper/trade-by-others.js';
import { TransferPaperCashHandler } from './paper/transfer-paper-cash.js';
import { PaperNetwork } from './paper/paper-network.js';
import { PaperReads } from './paper/paper-reads.js';
import { PaperRecords } from './paper/paper-records.js';
import { PaperSubmissions } from './paper/paper-submissions.js';
import { PaperVenue } from './paper/paper-venue.js';
import { Venues } from './port/venues.js';

/** The configured venues, what is known of their markets, and the controls of the paper venue. */
@Module({
  imports: [CqrsModule],
  providers: [
    MarketQuotes,
    PaperRecords,
    PaperReads,
    PaperNetwork,
    PaperSubmissions,
    PaperVenue,
    GetPaperAccountHandler,
    ListPaperFillsHandler,
    ListPaperMarketsHandler,
    ListPaperOrdersHandler,
    PutPaperMarketHandler,
    SetPaperBehaviourHandler,
    SettlePaperMarketHandler,
    TradeByOthersHandler,
    TransferPaperCashHandler,
    { provide: Venues, inject: [PaperVenue], useFactory: (paper: PaperVenue) => new Venues([paper]) },
  ],
  exports: [MarketQuotes, Venues],
})
export class VenuesModule {}
