export {
  type Amount,
  amount,
  amountText,
  decimalOf,
  notionalOf,
  ONE,
  plainAmount,
  power,
  roundedDown,
  roundedHalfEven,
  roundedUp,
  smaller,
  ZERO,
} from './amount.js';
export { reachDatabase } from './boot/ready-database.js';
export { serveWhenReady } from './boot/serve-when-ready.js';
export { connectionConfig } from './connection.js';
export { DatabaseHealth } from './database-health.js';
export { answeredWithin } from './answered-within.js';
export { CommitOutcomeUnknown, isDatabaseUnavailable, isReplayable, TakesNoWrites } from './database-errors.js';
export { migrateDatabase, pendingMigrations } from './migrate.js';
export { NotificationListener } from './notification-listener.js';
export { SharedBatches } from './shared-batches.js';
export { PersistenceModule } from './persistence.module.js';
export { afterCommit, unlessCommitted } from './transaction-end.js';
export { LastAnswer, type Transaction, Transactions } from './transactions.js';
export { newId } from './new-id.js';
export { type Answering, READ_ONLY, refuseReadOnly } from './read-only.js';
