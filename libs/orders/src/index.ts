export { CheckLedger, type LedgerCheck } from './check-ledger.js';
export { OrdersModule } from './orders.module.js';
export { SeedLedger } from './seed-ledger.js';
