import { KillSwitchModule } from '@interlock/kill-switch';
import { MetricsModule } from '@interlock/observability';
import { OpsEventsModule } from '@interlock/ops-events';
import { RiskGuardsModule } from '@interlock/risk-guards';
import { VenuesModule } from '@interlock/venues';
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { TypeOrmModule } from '@nestjs/typeorm';
import { BookTransferHandler } from './book-transfer.js';
import { CancelOrderHandler } from './cancel-order.js';
import { CheckLedgerHandler } from './check-ledger.js';
import { FillEntity } from './fill.entity.js';
import { FlattenPlans } from './flatten/flatten-plans.repository.js';
import { FlattenWork } from './flatten/flatten-work.js';
import { GetFlattenPlanHandler, StartFlattenHandler } from './flatten/start-flatten.js';
import { GetOrderHandler } from './get-order.js';
import { GetPnlHandler } from './get-pnl.js';
import { AccountRows } from './ledger/account-rows.js';
import { JournalRows } from './ledger/journal-rows.js';
import { Ledger } from './ledger/ledger.js';
import { LedgerRows } from './ledger/ledger-rows.js';
import { ListAccountsHandler } from './list-accounts.js';
import { ListFillsHandler } from './list-fills.js';
import { ListOrdersHandler } from './list-orders.js';
import { ListPositionsHandler } from './list-positions.js';
import { ListTransfersHandler } from './list-transfers.js';
import { OrderMetrics } from './order-metrics.js';
import { WorkingOrderMetrics } from './working-order-metrics.js';
import { OrderEntity } from './order.entity.js';
import { PlaceOrdersHandler } from './place-orders.js';
import { Orders } from './orders.repository.js';
import { ReconcileVenue } from './reconciliation/reconcile-venue.js';
import { ReconciliationMetrics } from './reconciliation/reconciliation-metrics.js';
import { SyncOrders } from './reconciliation/sync-orders.js';
import { VenueComparison } from './reconciliation/venue-comparison.js';
import { SeedLedgerHandler } from './seed-ledger.js';
import { VenueBookings } from './sending/book-fills.js';
import { VenueCancels } from './sending/cancel-at-venue.js';
import { OrderResolving } from './sending/resolve-orders.js';
import { OrderSending } from './sending/send-orders.js';
import { VenueAnswers } from './sending/venue-answers.js';
import { VenueDesks } from './sending/venue-desk.js';
import { VenueReports } from './sending/venue-reports.js';
import { CountWorkingOrdersHandler } from './sweep/count-working-orders.js';
import { KillSwitchEffects } from './sweep/kill-switch-effects.js';
import { SweepOrdersHandler } from './sweep/sweep-orders.js';
import { SweptOrders } from './sweep/swept-orders.js';
import { VenueSweep } from './sweep/venue-sweep.js';

/** Orders, fills, positions, realised profit and loss: the ledger. */
@Module({
  imports: [
    CqrsModule,
    MetricsModule,
    KillSwitchModule,
    RiskGuardsModule,
    MetricsModule,
    OpsEventsModule,
    VenuesModule,
    TypeOrmModule.forFeature([OrderEntity, FillEntity]),
  ],
  providers: [
    Orders,
    OrderMetrics,
    WorkingOrderMetrics,
    LedgerRows,
    JournalRows,
    AccountRows,
    Ledger,
    VenueReports,
    VenueAnswers,
    VenueBookings,
    VenueCancels,
    OrderResolving,
    OrderSending,
    VenueDesks,
    SyncOrders,
    VenueComparison,
    ReconciliationMetrics,
    ReconcileVenue,
    GetOrderHandler,
    ListOrdersHandler,
    ListFillsHandler,
    ListPositionsHandler,
    GetPnlHandler,
    CheckLedgerHandler,
    PlaceOrdersHandler,
    CancelOrderHandler,
    BookTransferHandler,
    ListAccountsHandler,
    ListTransfersHandler,
    SeedLedgerHandler,
    SweptOrders,
    VenueSweep,
    SweepOrdersHandler,
    CountWorkingOrdersHandler,
    KillSwitchEffects,
    FlattenPlans,
    FlattenWork,
    StartFlattenHandler,
    GetFlattenPlanHandler,
  ],
  exports: [Ledger, Orders, VenueDesks, VenueComparison, ReconcileVenue, KillSwitchEffects, FlattenWork],
})
export class OrdersModule {}
