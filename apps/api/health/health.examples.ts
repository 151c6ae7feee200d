import type { HealthAnswer, ReadyAnswer } from './health.dto.js';

const db = { ok: true, latencyMs: 1.1 };
const queue = { ok: true, latencyMs: 1.2 };
const lost = { ok: false, error: 'the database cannot be reached' };

const well = {
  ok: true,
  service: 'interlock',
  version: '0.1.0',
  now: '2026-11-23T06:56:46.601Z',
  db,
  queue: { ...queue, backend: 'postgres' },
} satisfies HealthAnswer;
const ill = { ...well, ok: false, db: lost } satisfies HealthAnswer;
const ready = { ok: true, shuttingDown: false, db, queue } satisfies ReadyAnswer;
const ending = { ...ready, ok: false, shuttingDown: true } satisfies ReadyAnswer;

export const healthExamples = { well, ill, ready, ending };
