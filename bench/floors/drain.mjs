/* The least that a worker can be: a bare BullMQ worker that does nothing. */
import { createServer } from 'node:http';
import { openWorker } from '../lib/queue-client.mjs';
import { serve } from './serve.mjs';

const concurrency = Number(process.env.WORKER_CONCURRENCY);
await openWorker('floor_drain', process.env, () => Promise.resolve(), { concurrency });
await serve(createServer((_request, response) => response.end()));
