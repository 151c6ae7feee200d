import type { StartAnswer } from './start.dto.js';

const accepted = {
  ok: true,
  runId: '01a20731-626d-705b-b365-598d0496adc1',
  jobId: '01a20731-626d-705b-b365-598d0496adc1',
  state: 'queued',
  queue: 'execution_start',
  params: {
    mode: 'mock',
    dryRun: false,
    maxPosition: 1_000_000,
    strategy: 'default',
    input: { dataset: 'sample', bins: 10 },
    notes: 'first try',
    pipeline: 'calibration',
  },
} satisfies StartAnswer;
const replayed = { ...accepted, state: 'completed', replayed: true } satisfies StartAnswer;

const bodies = {
  'a calibration': {
    value: {
      dryRun: false,
      pipeline: 'calibration',
      input: { dataset: 'sample' },
      notes: 'first try',
      idempotencyKey: 'daily-2026-11-23',
    },
  },
  'a dry run with all defaults': { value: {} },
};

export const startExamples = { accepted, replayed, bodies };
