import { OpsEventsModule } from '@interlock/ops-events';
import { RiskGuardsModule } from '@interlock/risk-guards';
import { VenuesModule } from '@interlock/venues';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CancelOrderHandler } from './cancel-order.js';
import { CheckLedgerHandler } from './check-ledger.js';
import { FillEntity } from './fill.entity.js';
import { GetOrderHandler } from './get-order.js';
import { GetPnlHandler } from './get-pnl.js';
import { Ledger } from './ledger/ledger.js';
import { LedgerRows } from './ledger/ledger-rows.js';
import { ListFillsHandler } from './list-fills.js';
import { ListOrdersHandler } from './list-orders.js';
import { ListPositionsHandler } from './list-positions.js';
import { OrderEntity } from './order.entity.js';
import { PlaceOrdersHandler } from './place-orders.js';
import { Orders } from './orders.repository.js';
import { SeedLedgerHandler } from './seed-ledger.js';
import { VenueReports } from './sending/venue-reports.js';

/** Orders, fills, positions, realised profit and loss: the ledger. */
@Module({
  imports: [
    CqrsModule,
    RiskGuardsModule,
    OpsEventsModule,
    VenuesModule,
    TypeOrmModule.forFeature([OrderEntity, FillEntity]),
  ],
  providers: [
    Orders,
    LedgerRows,
    Ledger,
    VenueReports,
    GetOrderHandler,
    ListOrdersHandler,
    ListFillsHandler,
    ListPositionsHandler,
    GetPnlHandler,
    CheckLedgerHandler,
    PlaceOrdersHandler,
    CancelOrderHandler,
    SeedLedgerHandler,
  ],
  exports: [Ledger, Orders, VenueReports],
})
export class OrdersModule {}
