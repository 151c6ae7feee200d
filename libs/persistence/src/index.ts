export { connectionConfig } from './connection.js';
export { DatabaseHealth } from './database-health.js';
export { CommitOutcomeUnknown, isDatabaseUnavailable, isUniqueViolation } from './database-errors.js';
export { migrateDatabase, pendingMigrations } from './migrate.js';
export { NotificationListener } from './notification-listener.js';
export { SharedBatches } from './shared-batches.js';
export { PersistenceModule } from './persistence.module.js';
export { type Transaction, Transactions } from './transactions.js';
export { v7 as newId } from 'uuid';
