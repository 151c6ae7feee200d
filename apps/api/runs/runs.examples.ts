import type { CalibrationReportAnswer, ReportAnswer } from './report.dto.js';
import type { RunAnswer, RunAnswerBody, RunsAnswer } from './runs.dto.js';

const run = {
  runId: '01a20731-626d-705b-b365-598d0496adc1',
  jobId: '01a20731-626d-705b-b365-598d0496adc1',
  status: 'COMPLETED',
  state: 'completed',
  attempt: 1,
  params: {
    mode: 'mock',
    dryRun: false,
    maxPosition: 1_000_000,
    pipeline: 'calibration',
    strategy: 'default',
    input: { bins: 10, dataset: 'sample' },
    notes: 'first try',
  },
  stages: [
    {
      name: 'load',
      status: 'COMPLETED',
      startedAt: '2026-11-23T06:56:46.743Z',
      finishedAt: '2026-11-23T06:56:46.746Z',
    },
    {
      name: 'score',
      status: 'COMPLETED',
      startedAt: '2026-11-23T06:56:46.747Z',
      finishedAt: '2026-11-23T06:56:46.763Z',
    },
  ],
  createdAt: '2026-11-23T06:56:46.710Z',
  startedAt: '2026-11-23T06:56:46.738Z',
  finishedAt: '2026-11-23T06:56:46.766Z',
} satisfies RunAnswerBody;

const one = { ok: true, run } satisfies RunAnswer;
const page = { ok: true, items: [run], nextCursor: 'AaIHMWKvdfyd0Ih9Jffb4w' } satisfies RunsAnswer;

const canceled = {
  ok: true,
  run: {
    ...run,
    status: 'CANCELED',
    state: 'canceled',
    attempt: 0,
    stages: [],
    failure: { stage: 'cancel', reason: 'canceled by admin', message: 'cancel: canceled by admin' },
  },
} satisfies RunAnswer;

const report = {
  dataset: 'mine',
  sha256: 'ebcfd3723131339f77ab8d89a54c8dceb472744cc9d8063029693867c221757a',
  n: 2,
  baseRate: 0.5,
  brier: 0.06500000000000002,
  logLoss: 0.2899092476264711,
  ece: 0.25,
  bins: [
    { lower: 0, upper: 0.5, count: 1, meanProbability: 0.2, observedRate: 0 },
    { lower: 0.5, upper: 1, count: 1, meanProbability: 0.7, observedRate: 1 },
  ],
  segments: { platform: [], category: [] },
  murphy: { reliability: 0.06500000000000002, resolution: 0.25, uncertainty: 0.25, withinBin: 1.3877787807814457e-17 },
} satisfies CalibrationReportAnswer;

export const runsExamples = { one, page, canceled };
export const reportExample = { ok: true, runId: run.runId, report } satisfies ReportAnswer;
