export { CheckLedger, type LedgerCheck } from './check-ledger.js';
export { GetOrder } from './get-order.js';
export { type FillView, ListFills } from './list-fills.js';
export { ListOrders, type OrderFilter } from './list-orders.js';
export { ORDER_STATUSES, type OrderStatus } from './order.js';
export type { OrderView } from './order-view.js';
export { OrdersModule } from './orders.module.js';
export { type OrderRequest, type PlaceOrderResult, PlaceOrders } from './place-orders.js';
export { SeedLedger } from './seed-ledger.js';
