import { stat } from 'node:fs/promises';
import { Settings } from '@interlock/config';
import { Injectable, Logger } from '@nestjs/common';
import {
  type InputVerdict,
  Pipeline,
  type PipelineContext,
  PipelineFailed,
  type PipelineResult,
} from '../../pipeline.js';
import { RunAborted } from '../../running-runs.js';
import { OutputLog } from './output-log.js';
import { PythonChild, type PythonEnd } from './python-child.js';
import { pythonFolder } from './python-folder.js';
import type { PythonVerdict } from './python-verdict.js';
import { ResultChannel } from './result-channel.js';

/** How long a child may take to end when it is told to, before it is ended by force. */
const KILL_GRACE_MS = 5_000;
/** The same while this process goes away: less than what its own end may take. */
const SHUTDOWN_GRACE_MS = 2_000;
/** What a run may take beyond its timeout, so that one which reached it counts as failed and not as slow as well. */
const ENDING_MS = 2 * KILL_GRACE_MS;
/** An environment variable may hold 128 KiB, and the parameters are more than the input. */
const LARGEST_INPUT = 64 * 1024;

/** The part of a lease after which a child takes a silent worker for frozen, and ends: as a worker fences itself (R4). */
const SILENCE = 0.8;
const BEATS = 8;

/** The stage that stands for the whole of the entrypoint. Once it is completed, no attempt calls the entrypoint again (R6). */
const STAGE = 'entrypoint';

/** Calls an entrypoint written in Python: the existing calibration repository, or one of the user's own (docs/python.md). */
@Injectable()
export class PythonPipeline extends Pipeline {
  readonly name = 'python';
  override readonly expectedDurationMs: number;
  private readonly logger = new Logger('python');

  constructor(private readonly settings: Settings) {
    super();
    this.expectedDurationMs = settings.python.timeoutMs + ENDING_MS;
  }

  /** Any object: what it means is the entrypoint's business. */
  checkInput(input: Record<string, unknown>): Promise<InputVerdict> {
    const fits = Buffer.byteLength(JSON.stringify(input)) <= LARGEST_INPUT;
    return Promise.resolve(
      fits
        ? { ok: true, input }
        : { ok: false, fieldErrors: { input: [`must be at most ${LARGEST_INPUT} bytes of JSON`] } },
    );
  }

  async run(context: PipelineContext): Promise<PipelineResult> {
    return context.stage(STAGE, () => this.call(context));
  }

  private async call(context: PipelineContext): Promise<PipelineResult> {
    const { signal, show } = context;
    const child = await this.start(context);
    const channel = new ResultChannel(show, () => child.end(KILL_GRACE_MS));
    const output = new OutputLog((line) => this.logger.log({ runId: context.runId }, line));
    for (const stream of child.output) stream.on('data', output.listener());
    child.channel.on('data', (bytes: Buffer) => channel.write(bytes));

    let timedOut = false;
    const timeout = setTimeout(() => {
      timedOut = true;
      child.end(KILL_GRACE_MS);
    }, this.settings.python.timeoutMs);
    const abort = () => child.end(this.graceFor(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const end = await child.ended;
      channel.end();
      output.end();
      signal.throwIfAborted();
      if (timedOut) throw failed('timeout', `it took longer than ${this.settings.python.timeoutMs} ms`);
      return this.conclude(channel, end, context);
    } finally {
      clearTimeout(timeout);
      signal.removeEventListener('abort', abort);
    }
  }

  private conclude({ verdict, fault }: ResultChannel, end: PythonEnd, { show }: PipelineContext): PipelineResult {
    if (fault !== undefined) throw failed('process', fault);
    if (verdict?.kind === 'missing') throw this.missing(verdict);
    if (verdict?.kind === 'raised') throw failed('entrypoint', verdict.reason);
    for (const stage of verdict?.stages ?? []) show(stage);
    if (verdict?.kind === 'failed') throw failed(verdict.stage, verdict.reason);
    if (end.signal !== null) throw failed('process', `it was ended by ${end.signal}`);
    if (end.status !== 0) throw failed('process', `it ended with exit status ${end.status}`);
    if (verdict === undefined) throw failed('process', 'it ended without a result');
    return verdict.report === undefined ? {} : { report: verdict.report };
  }

  private async start({ runId, params, signal }: PipelineContext): Promise<PythonChild> {
    const { bin, modules, environment } = this.settings.python;
    const folder = this.folder;
    if (!(await isFolder(folder))) {
      throw missing(
        `there is no folder ${folder}: set CALIBRATION_PYTHON_PATH to the root of the calibration repository`,
      );
    }
    signal.throwIfAborted();
    const silenceMs = this.settings.runLeaseMs * SILENCE;
    try {
      return await PythonChild.start({
        bin,
        args: ['-u', `${pythonFolder()}interlock_bootstrap.py`, String(silenceMs / 1_000), ...modules],
        folder,
        beatMs: silenceMs / BEATS,
        environment: {
          ...environment,
          PYTHONPATH: [folder, environment['PYTHONPATH']].filter((path) => path !== undefined).join(':'),
          INTERLOCK_RUN_ID: runId,
          INTERLOCK_PARAMS: JSON.stringify(params),
        },
      });
    } catch (error) {
      throw notStarted(bin, error);
    }
  }

  private get folder(): string {
    return this.settings.python.folder ?? pythonFolder();
  }

  /** A run that is, or soon may be, another worker's leaves no time: the margin of the lease is all there is (R4). */
  private graceFor(reason: unknown): number {
    const why = reason instanceof RunAborted ? reason.why.kind : undefined;
    if (why === 'hold-lost') return Math.min(KILL_GRACE_MS, this.settings.runLeaseMs / 10);
    return why === 'shutdown' ? SHUTDOWN_GRACE_MS : KILL_GRACE_MS;
  }

  private missing(verdict: PythonVerdict & { kind: 'missing' }): PipelineFailed {
    const { bin, modules } = this.settings.python;
    switch (verdict.what) {
      case 'module':
        return missing(
          `there is no Python module ${modules.join(' or ')} in ${this.folder}: set CALIBRATION_PYTHON_PATH to the root of the ` +
            'calibration repository, or CALIBRATION_ENTRYPOINT_MODULE to the module to call',
        );
      case 'function':
        return missing(
          `the Python module ${verdict.module} has neither run_calibration nor run_daily_job: add one, or set ` +
            'CALIBRATION_ENTRYPOINT_MODULE to another module',
        );
      case 'dependency':
        return missing(
          `the Python module ${verdict.module} needs ${verdict.name}, which is not installed: install it for ${bin}, or set ` +
            'CALIBRATION_PYTHON_BIN to an interpreter that has it',
        );
    }
  }
}

function failed(stage: string, reason: string): PipelineFailed {
  return new PipelineFailed({ stage, reason }, true);
}

/** Something is not there that no further attempt brings. */
function missing(reason: string): PipelineFailed {
  return new PipelineFailed({ stage: STAGE, reason }, false);
}

function notStarted(bin: string, error: unknown): PipelineFailed {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === 'ENOENT' || code === 'EACCES') {
    const why = code === 'ENOENT' ? 'was not found' : 'may not be executed';
    return missing(`${bin} ${why}: install Python 3.8 or later, or set CALIBRATION_PYTHON_BIN to its path`);
  }
  return failed('process', `${bin} could not be started (${code})`);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
