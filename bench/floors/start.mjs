/* The least that a start can be: bare node:http, one insert of the same row, one BullMQ add, on the same backend and pool size. */
import { createServer } from 'node:http';
import { Pool } from 'pg';
import { v7 as newId } from 'uuid';
import { JOB_OPTIONS, openQueue } from '../lib/queue-client.mjs';
import { serve } from './serve.mjs';

const POOL_SIZE = 10;
const INSERT = `INSERT INTO floor_runs (id, status, mode, dry_run, max_position, pipeline, strategy, input)
                VALUES ($1, 'QUEUED', $2, $3, $4, $5, $6, $7)`;

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: POOL_SIZE });
await pool.query('CREATE TABLE IF NOT EXISTS floor_runs (LIKE runs INCLUDING ALL)');
const queue = await openQueue('floor_start', process.env);

async function start(body) {
  const wish = JSON.parse(body);
  const { mode = 'mock', dryRun = true, maxPosition = 1_000_000, strategy = 'default', input = {} } = wish;
  const runId = newId();
  await pool.query(INSERT, [runId, mode, dryRun, maxPosition, 'calibration', strategy, input]);
  await queue.add('floor_start', { runId }, { ...JOB_OPTIONS, jobId: runId });
  return JSON.stringify({ ok: true, runId, jobId: runId, state: 'queued' });
}

await serve(
  createServer((request, response) => {
    if (request.url === '/ready') return void response.end();
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      start(body).then(
        (text) => response.writeHead(202, { 'content-length': Buffer.byteLength(text) }).end(text),
        (error) => response.writeHead(500, { 'content-length': 0 }).end(console.error(error)),
      );
    });
  }),
);
