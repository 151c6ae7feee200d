import type { Transaction, Transactions } from '@interlock/persistence';
import { Logger } from '@nestjs/common';
import type { RunStages } from './run-stages.repository.js';
import { StageRecorder } from './stage-recorder.js';

/** What the recorder had written: `begin load 0`, `end load COMPLETED`. */
let written: string[];
let abort: AbortController;
let recorder: StageRecorder;
let databaseIsAway: boolean;

beforeEach(() => {
  written = [];
  databaseIsAway = false;
  abort = new AbortController();
  const note = (text: string) => {
    if (databaseIsAway) return Promise.reject(new Error('away'));
    written.push(text);
    return Promise.resolve();
  };
  const stages = {
    begin: (_tx, _hold, name, position) => note(`begin ${name} ${position}`),
    end: (_tx, _hold, name, status) => note(`end ${name} ${status}`),
    progress: (_tx, _hold, name, { done }) => note(`progress ${name} ${done}`),
  } satisfies Partial<RunStages>;
  const transactions = { run: (work: (tx: Transaction) => Promise<unknown>) => work({} as Transaction) };
  const hold = { runId: 'run', epoch: 1, attempt: 1, failures: 0 };
  recorder = new StageRecorder(
    transactions as unknown as Transactions,
    stages as unknown as RunStages,
    hold,
    abort.signal,
    new Map(),
  );
});

describe('stages that work elsewhere tells of', () => {
  it('begin once, end once, and end with the stage that they belong to', async () => {
    await recorder.carryOut('entrypoint', () => {
      recorder.show({ name: 'ingest', status: 'RUNNING' });
      recorder.show({ name: 'ingest', status: 'RUNNING' });
      recorder.show({ name: 'ingest', status: 'FAILED' });
      recorder.show({ name: 'ingest', status: 'COMPLETED' });
      recorder.show({ name: 'entrypoint', status: 'FAILED' });
      recorder.show({ name: 'score', status: 'RUNNING' });
      return Promise.resolve({});
    });
    expect(written).toEqual([
      'begin entrypoint 0',
      'begin ingest 1',
      'end ingest FAILED',
      'begin score 2',
      'end score COMPLETED',
      'end entrypoint COMPLETED',
    ]);
  });

  it.each([
    ['FAILED', 'fails', () => undefined],
    ['CANCELED', 'is aborted', () => abort.abort(new Error('halted'))],
  ])('end %s when that %s', async (status, _, before) => {
    const work = recorder.carryOut('entrypoint', () => {
      recorder.show({ name: 'score', status: 'RUNNING' });
      before();
      return Promise.reject(new Error('no'));
    });
    await expect(work).rejects.toThrow('no');
    expect(written.slice(-2)).toEqual([`end score ${status}`, `end entrypoint ${status}`]);
  });

  it('are no more than 200, and the run does not depend on them', async () => {
    const result = await recorder.carryOut('entrypoint', async () => {
      for (let stage = 0; stage < 5_000; stage++) recorder.show({ name: `stage-${stage}`, status: 'RUNNING' });
      await Promise.resolve();
      databaseIsAway = true;
      recorder.show({ name: 'stage-0', status: 'COMPLETED' });
      await new Promise(setImmediate);
      databaseIsAway = false;
      return 'done';
    });
    expect(result).toBe('done');
    expect(written.filter((text) => text.startsWith('begin stage-')).length).toBeLessThanOrEqual(200);
  });
});

it('tells how far a long stage has come in the log, every 5 s, and stores it twice a second', async () => {
  const lines: unknown[] = [];
  Logger.overrideLogger({ log: (_: unknown, line: unknown) => lines.push(line), error: () => 0, warn: () => 0 });
  let clockMs = 0;
  const now = performance.now.bind(performance);
  performance.now = () => clockMs;
  try {
    await recorder.carryOut('score', async (progress) => {
      for (let done = 0; done < 120; done++) {
        progress({ done, total: done < 60 ? 120 : null, unit: 'rows' });
        clockMs += 100;
        await new Promise(setImmediate);
      }
    });
  } finally {
    performance.now = now;
    Logger.overrideLogger(false);
  }
  expect(lines).toEqual(['score: 50 of 120 rows', 'score: 100 rows']);
  expect(written.filter((text) => text.startsWith('progress')).length).toBe(23);
});
