export { EnqueueFailed, JobQueues } from './job-queues.js';
export { migrateQueue } from './postgres-backend.js';
export { QueueBackend } from './queue-backend.js';
export { QueueModule } from './queue.module.js';
export { type JobData, WORKER_OPTIONS, type QueueName, QUEUES } from './queues.js';
export { tellErrors } from './tell-errors.js';
