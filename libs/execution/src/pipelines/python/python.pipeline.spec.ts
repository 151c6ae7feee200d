import { Logger } from '@nestjs/common';
import { eventually } from '../../../../../test/support/eventually.js';
import { HAS_PYTHON, isAlive, PythonRepository } from '../../../../../test/support/python-repository.js';
import { testSettings } from '../../../../../test/support/settings.js';
import { type PipelineFailed, type PipelineResult, type ShownStage } from '../../pipeline.js';
import { RunAborted } from '../../running-runs.js';
import { PythonPipeline } from './python.pipeline.js';

const RUN_ID = '01a206cb-0f1e-761e-811f-6e6273252944';
const PATH = process.env['PATH'] ?? '/usr/bin:/bin';

let repository: PythonRepository;
/** What was logged: `01a2… a line`. */
let logged: string[];

beforeEach(() => {
  repository = new PythonRepository();
  logged = [];
  const log = (about: { runId: string }, line: string) => logged.push(`${about.runId} ${line}`);
  Logger.overrideLogger({ log, error: log, warn: log });
});
afterEach(() => {
  repository.remove();
  Logger.overrideLogger(false);
});

interface Called {
  /** What was shown, in order. */
  shown: ShownStage[];
  abort: AbortController;
  result: Promise<PipelineResult>;
}

/** Calls `pipelines.daily_job` of the repository, with this text. */
function call(text: string, environment: Record<string, string> = {}): Called {
  repository.module('pipelines.daily_job', text);
  return callAs({ CALIBRATION_PYTHON_PATH: repository.folder, ...environment });
}

function callAs(environment: Record<string, string>): Called {
  const pipeline = new PythonPipeline(testSettings('postgres://nowhere/secret-database', { PATH, ...environment }));
  const shown: ShownStage[] = [];
  const abort = new AbortController();
  const result = pipeline.run({
    runId: RUN_ID,
    params: {
      mode: 'mock',
      dryRun: false,
      maxPosition: 1000,
      pipeline: 'python',
      strategy: 'default',
      input: { note: `"; import os; os._exit(9) #` },
    },
    epoch: 1,
    signal: abort.signal,
    stage: (_, work) => work(() => undefined),
    placeOrders: () => Promise.reject(new Error('it places none')),
    show: (stage) => shown.push(stage),
  });
  result.catch(() => undefined);
  return { shown, abort, result };
}

async function failureOf({ result }: Called): Promise<PipelineFailed> {
  return result.then(
    (value) => {
      throw new Error(`it succeeded: ${JSON.stringify(value)}`);
    },
    (error: PipelineFailed) => error,
  );
}

const pidIn = (file: string) => eventually(`${file} is written`, () => Number(repository.read(file)) || undefined);

/** A process that was killed is a moment away from being gone. */
const areGone = (...pids: number[]) => eventually(`${pids.join()} are gone`, () => !pids.some(isAlive), 1_000);

const SUCCESS = `{"run_id": run_id, "success": True, "stages": [{"name": "fit", "status": "completed"}]}`;
/** Tells its pid, and that of a process of its own, and works until it is ended. */
const ENDLESS = `
import os, signal, subprocess, sys, time

def run_daily_job(run_id, continue_on_stage_failure=True):
    %s
    helper = subprocess.Popen([sys.executable, "-c", "%s; import time; time.sleep(600)"])
    with open("helper", "w") as file:
        file.write(str(helper.pid))
    with open("worker", "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(600)
`;
const POLITE = ENDLESS.replace('%s', 'pass').replace('%s', 'pass');
const STUBBORN = ENDLESS.replace('%s', 'signal.signal(signal.SIGTERM, signal.SIG_IGN)').replace(
  '%s',
  'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)',
);

if (!HAS_PYTHON) {
  it('is not tested against Python here, because this machine has none', () => expect(HAS_PYTHON).toBe(false));
} else {
  describe('an entrypoint in Python', () => {
    it('is called with the run, and its stages and report come back whatever it prints', async () => {
      const called = call(`
def run_daily_job(run_id, continue_on_stage_failure=False):
    print('{"type": "result", "success": false}')
    assert continue_on_stage_failure is True
    return {"run_id": run_id, "success": True, "when": object(), "report": {"id": run_id, "b": 1, "a": 2},
            "stages": [{"name": "ingest", "status": "SUCCESS"}, {"name": "tidy", "status": "skipped"}, {"name": "odd"}]}
`);
      expect(await called.result).toEqual({ report: { id: RUN_ID, b: 1, a: 2 } });
      expect(called.shown).toEqual([
        { name: 'ingest', status: 'COMPLETED' },
        { name: 'tidy', status: 'CANCELED' },
        { name: 'odd', status: 'COMPLETED' },
      ]);
    });

    it.each([
      ['only the run', 'run_id', 'run_id'],
      ['nothing', '', 'None'],
      ['anything', '**all_of_them', 'sorted(all_of_them)'],
    ])('may take %s', async (_, parameters, value) => {
      const called = call(`def run_calibration(${parameters}): return {"success": True, "report": {"got": ${value}}}`);
      const got = { run_id: RUN_ID, None: null, 'sorted(all_of_them)': ['continue_on_stage_failure', 'run_id'] };
      expect(await called.result).toEqual({ report: { got: got[value as keyof typeof got] } });
    });

    it('shows its stages and their progress while it runs', async () => {
      const called = call(`
from interlock_bootstrap import interlock_report

def run_daily_job(run_id):
    interlock_report("score")
    for row in range(100000):
        interlock_report("score", done=row, total=100000, unit="rows")
    interlock_report("score", "completed", done=100000, total=100000, unit="rows")
    return ${SUCCESS}
`);
      await called.result;
      expect(called.shown.slice(0, 2)).toEqual([
        { name: 'score', status: 'RUNNING' },
        { name: 'score', status: 'RUNNING', progress: { done: 0, total: 100_000, unit: 'rows' } },
      ]);
      expect(called.shown.slice(-2)).toEqual([
        { name: 'score', status: 'COMPLETED', progress: { done: 100_000, total: 100_000, unit: 'rows' } },
        { name: 'fit', status: 'COMPLETED' },
      ]);
      expect(called.shown.length).toBeLessThan(50);
    });

    it('is found under the first of the usual names, in the working directory, and may import its neighbours', async () => {
      repository.module('runners.features.calibration', 'from tools import answer\nrun_calibration = answer');
      repository.module('tools', 'def answer(): return {"success": True, "report": {"from": "runners"}}');
      expect(await call('raise Exception("not this one")').result).toEqual({ report: { from: 'runners' } });
    });

    it('E2 knows nothing of our environment but what it may, and the parameters are data', async () => {
      const called = call(
        `import json, os
def run_daily_job(run_id):
    return {"success": True, "report": {"names": sorted(os.environ), "input": json.loads(os.environ["INTERLOCK_PARAMS"])["input"],
            "run": os.environ["INTERLOCK_RUN_ID"], "cwd": os.getcwd(), "path": os.environ["PYTHONPATH"]}}`,
        {
          HOME: '/nowhere',
          TZ: 'UTC',
          CALIBRATION_THEME: 'x',
          MODEL_HOME: '/models',
          CALIBRATION_PYTHON_ENV: 'MODEL_HOME',
        },
      );
      const { report } = await called.result;
      expect(report).toMatchObject({
        input: { note: `"; import os; os._exit(9) #` },
        run: RUN_ID,
        cwd: repository.folder,
        path: repository.folder,
      });
      // A shell, the interpreter or a manager of versions in front of it may add their own.
      const added = /^(LC_CTYPE|PWD|SHLVL|_.*|PYENV_.*)$/;
      const names = ((report?.['names'] ?? []) as string[]).filter((name) => !added.test(name));
      expect(names.join(' ')).toBe(
        'CALIBRATION_PYTHON_ENV CALIBRATION_PYTHON_PATH CALIBRATION_THEME HOME INTERLOCK_PARAMS INTERLOCK_RUN_ID MODEL_HOME ' +
          'PATH PYTHONPATH TZ',
      );
    });

    it('has its output logged line by line, with the run, without what steers a terminal', async () => {
      await call(`
import sys
def run_daily_job(run_id):
    print("first"); print(); print("\\x1b[31mred\\x1b[0m \u00e9", file=sys.stderr); print("x" * 3000, end="")
    return ${SUCCESS}
`).result;
      expect(logged.toSorted()).toEqual(
        ['first', 'red \u00e9', `${'x'.repeat(2_000)}\u2026 (cut)`].map((line) => `${RUN_ID} ${line}`),
      );
    });

    it('may print 50 MB, in one line or in many, of which little is kept', async () => {
      const startedAt = performance.now();
      await call(`
import sys
def run_daily_job(run_id):
    sys.stdout.write("x" * 25_000_000)
    sys.stderr.write("yyyyyyyyyyyyyyyyyyyyyyyy\\n" * 1_000_000)
    return ${SUCCESS}
`).result;
      expect(performance.now() - startedAt).toBeLessThan(15_000);
      expect(logged.length).toBe(1_001);
      expect(logged.at(-1)).toMatch(/further output of about \d{8} bytes was left out/);
    });

    it.each([
      ['raises', 'raise ValueError("no prices")', 'entrypoint: ValueError: no prices'],
      ['exits', 'import sys; sys.exit(3)', 'process: it ended with exit status 3'],
      ['crashes', 'import os; os.kill(os.getpid(), 11)', 'process: it was ended by SIGSEGV'],
      ['exits well without a result', 'import os; os._exit(0)', 'process: it ended without a result'],
      ['returns something else', 'return [1]', 'entrypoint: it returned list instead of a dict'],
      ['returns nothing', 'pass', 'entrypoint: it returned NoneType instead of a dict'],
      ['is not a success', 'return {"success": 1}', 'entrypoint: it reported no success'],
      [
        'reports a failure',
        'return {"success": False, "failure": {"stage": "ingest", "reason": "feed down"}}',
        'ingest: feed down',
      ],
      [
        'reports a stage that failed',
        'return {"success": False, "stages": [{"name": "a", "status": "ok"}, {"name": "b", "status": "failed"}]}',
        'b: it reported no success',
      ],
      [
        'returns what is no JSON',
        'return {"success": True, "report": {"brier": float("nan")}}',
        'entrypoint: its result cannot be written as JSON: ValueError: Out of range float values are not JSON compliant',
      ],
      [
        'returns too much',
        'return {"success": True, "report": {"all": "x" * 2_000_000}}',
        'process: its result is larger than 1 MiB',
      ],
      [
        'writes to the channel of results',
        `import os; os.write(3, b"\\xff\\x00 garbage\\n"); return {"success": True}`,
        'process: something else than a result was written to descriptor 3, which is for results',
      ],
      [
        'goes wrong after its success',
        'import atexit, os; atexit.register(lambda: os._exit(4)); return {"success": True}',
        'process: it ended with exit status 4',
      ],
    ])('fails, and may be tried again, when it %s', async (_, body, message) => {
      const failure = await failureOf(call(`def run_daily_job(run_id): ${body}`));
      expect([failure.message.replace(/: nan$/, ''), failure.retryable]).toEqual([message, true]);
    });

    it('keeps texts that the database could not store out of its report', async () => {
      const called = call(
        `def run_daily_job(run_id): return {"success": True, "report": {"a": "\\0 \\ud800 \\U0001f600 \\\\u0000"}}`,
      );
      expect(await called.result).toEqual({ report: { a: '\ufffd \ufffd \u{1f600} \\u0000' } });
    });

    it.each([
      ['module', {}, /^entrypoint: there is no Python module nope in .*: set CALIBRATION_PYTHON_PATH/, 'nope'],
      ['function', {}, /^entrypoint: the Python module tools has neither run_calibration nor run_daily_job/, 'tools'],
      ['package', {}, /^entrypoint: the Python module needy needs no_such_package, which is not installed/, 'needy'],
      ['interpreter', { CALIBRATION_PYTHON_BIN: 'no-python' }, /no-python was not found: install Python 3.8 or/, 'x'],
      ['folder', { CALIBRATION_PYTHON_PATH: '/no/such/folder' }, /there is no folder \/no\/such\/folder: set/, 'x'],
    ])('fails for good, and says what to do, when there is no such %s', async (_, environment, message, module) => {
      repository.module('tools', '');
      repository.module('needy', 'import no_such_package');
      const failure = await failureOf(call('', { CALIBRATION_ENTRYPOINT_MODULE: module, ...environment }));
      expect(failure.message).toMatch(message);
      expect(failure.retryable).toBe(false);
    });

    it('is ended by its timeout, its processes included', async () => {
      const called = call(POLITE, { CALIBRATION_PYTHON_TIMEOUT_MS: '700' });
      const helper = await pidIn('helper');
      expect(await failureOf(called)).toMatchObject({
        message: 'timeout: it took longer than 700 ms',
        retryable: true,
      });
      await areGone(helper);
    });

    it('K3 ends at once when the run is aborted, its processes included', async () => {
      const called = call(POLITE);
      const pids = [await pidIn('worker'), await pidIn('helper')];
      const reason = new RunAborted({ kind: 'cancel', by: 'ada' });
      const abortedAt = performance.now();
      called.abort.abort(reason);
      expect(await called.result.catch((error: unknown) => error)).toBe(reason);
      expect(performance.now() - abortedAt).toBeLessThan(1_000);
      await areGone(...pids);
    });

    it('K3 is ended by force 5 s after it was aborted, its processes included', async () => {
      const called = call(STUBBORN);
      const pids = [await pidIn('worker'), await pidIn('helper')];
      const abortedAt = performance.now();
      called.abort.abort(new RunAborted({ kind: 'cancel', by: 'ada' }));
      await called.result.catch(() => undefined);
      const tookMs = performance.now() - abortedAt;
      expect(tookMs).toBeGreaterThan(4_900);
      expect(tookMs).toBeLessThan(6_500);
      await areGone(...pids);
    });

    it('R4 is ended by force within the margin of the lease when the run may be somebody else’s', async () => {
      const called = call(STUBBORN, { RUN_LEASE_MS: '5000' });
      await pidIn('worker');
      const abortedAt = performance.now();
      called.abort.abort(new RunAborted({ kind: 'hold-lost' }));
      await called.result.catch(() => undefined);
      expect(performance.now() - abortedAt).toBeLessThan(1_000);
    });

    it('leaves no process behind when it is done', async () => {
      await call(POLITE.replace('while True:', `return ${SUCCESS}\n    while True:`)).result;
      expect(await areGone(await pidIn('helper'))).toBe(true);
    });
  });
}

describe('without Python', () => {
  it('a run fails for good with a sentence that says what to install or set', async () => {
    const failure = await failureOf(callAs({ CALIBRATION_PYTHON_BIN: '/nowhere/python3' }));
    expect(failure.retryable).toBe(false);
    expect(failure.message).toBe(
      'entrypoint: /nowhere/python3 was not found: install Python 3.8 or later, or set CALIBRATION_PYTHON_BIN to its path',
    );
  });
});
