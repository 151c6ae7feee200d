export { EnqueueFailed, JobQueues } from './job-queues.js';
export { migrateQueue } from './queue-connection.js';
export { queueReady } from './queue-ready.js';
export { QueueModule } from './queue.module.js';
export { type JobData, type QueueName, QUEUES } from './queues.js';
