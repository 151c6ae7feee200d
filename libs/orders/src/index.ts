export { BookTransfer, type BookTransferResult, type TransferBooker } from './book-transfer.js';
export { CancelOrder, type CancelOrderResult } from './cancel-order.js';
export { CheckLedger, type LedgerCheck } from './check-ledger.js';
export { FINALITIES, type Finality } from './fill.entity.js';
export { FLATTEN_STATUSES, type FlattenPlanView } from './flatten/flatten-plan.js';
export { FlattenWork } from './flatten/flatten-work.js';
export { type FlattenWish, GetFlattenPlan, StartFlatten } from './flatten/start-flatten.js';
export { GetOrder } from './get-order.js';
export { GetPnl, type PnlDay, type PnlView } from './get-pnl.js';
export type { PositionKey } from './ledger/entries.js';
export { type AccountView, ListAccounts } from './list-accounts.js';
export { type FillFilter, type FillView, ListFills } from './list-fills.js';
export { ListOrders, type OrderFilter } from './list-orders.js';
export { ListPositions, type PositionFilter } from './list-positions.js';
export { ListTransfers } from './list-transfers.js';
export { isWorking, ORDER_STATUSES, type OrderStatus, type OrderType, type Side, type TimeInForce } from './order.js';
export { conflictsIn, timeInForceOf } from './order-terms.js';
export type { OrderView } from './order-view.js';
export { OrdersModule } from './orders.module.js';
export {
  ADMITTED_ORDERS_CHANNEL,
  type OrderRequest,
  type PlaceOrderResult,
  PlaceOrders,
  type PlacingRun,
} from './place-orders.js';
export type { PositionView } from './position-view.js';
export type { TransferView } from './transfer-view.js';
export { SeedLedger } from './seed-ledger.js';
export { type VenueDesk, VenueDesks } from './sending/venue-desk.js';
export { CountWorkingOrders } from './sweep/count-working-orders.js';
export { type KillSwitchEffect, KillSwitchEffects, type SwitchToChase } from './sweep/kill-switch-effects.js';
export { SweepOrders, type SweepResult } from './sweep/sweep-orders.js';
export type { ComparedItem, Comparison } from './reconciliation/comparison.js';
export { CannotCompare, VenueComparison } from './reconciliation/venue-comparison.js';
