/* Bare Nest handlers, as its documentation shows them, that answer at once with bodies like ours. */
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { serve } from './serve.mjs';

const HEALTH = {
  ok: true,
  service: 'interlock',
  version: '0.1.0',
  db: { ok: true, latencyMs: 1.1 },
  queue: { ok: true, latencyMs: 1.1, backend: 'postgres' },
};
const MARKETS = {
  ok: false,
  source: 'fallback',
  count: 0,
  items: [],
  error: { code: 'UPSTREAM_FETCH_ERROR', message: 'The connection to the markets service failed (ECONNREFUSED).' },
};
const RUN = {
  runId: '01a206cb-0f1e-761e-811f-6e6273252944',
  jobId: '01a206cb-0f1e-761e-811f-6e6273252944',
  status: 'DRY_RUN_DONE',
  state: 'completed',
  attempt: 1,
  params: {
    mode: 'mock',
    dryRun: true,
    maxPosition: 1_000_000,
    pipeline: 'calibration',
    strategy: 'default',
    input: {},
  },
  createdAt: '2026-01-08T12:00:00.000Z',
  startedAt: '2026-01-08T12:00:00.000Z',
  finishedAt: '2026-01-08T12:00:00.000Z',
};

class BareController {
  ready() {
    return {};
  }

  health() {
    return { ...HEALTH, now: new Date().toISOString() };
  }

  markets() {
    return MARKETS;
  }

  runs() {
    return { ok: true, items: Array.from({ length: 50 }, () => RUN), nextCursor: null };
  }
}
class BareModule {}

// What decorators would do, in plain JavaScript.
for (const name of ['ready', 'health', 'markets', 'runs']) {
  Get(name)(BareController.prototype, name, Object.getOwnPropertyDescriptor(BareController.prototype, name));
}
Controller()(BareController);
Module({ controllers: [BareController] })(BareModule);

const app = await NestFactory.create(BareModule, { logger: false });
await app.init();
await serve(app.getHttpServer());
