import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import { connectionConfig } from '@interlock/persistence';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { Pool } from 'pg';
import { type InputVerdict, Pipeline, type PipelineContext, PipelineFailed, type PipelineResult } from '../pipeline.js';
import { checkAgainst } from './pipeline-input.js';

class WitnessInput {
  /** How long each stage works, at least. */
  @IsInt()
  @Min(0)
  @Max(600_000)
  workMs = 50;

  /** Time between two signs of life. */
  @IsInt()
  @Min(5)
  @Max(60_000)
  beatMs = 25;

  @IsInt()
  @Min(1)
  @Max(10)
  stages = 1;

  /** How the last stage fails, if it does. */
  @IsOptional()
  @IsIn(['retryable', 'final'])
  fail?: 'retryable' | 'final';

  /** So many attempts fail, then one succeeds. */
  @IsInt()
  @Min(0)
  @Max(100)
  failTimes = 100;
}

/** What a row of the table `witness` tells of an attempt. */
type Testimony = 'begin' | 'beat' | 'end' | 'fail' | 'abort';

/**
 * Work that leaves a trace, for suites that kill processes: it writes to the table `witness`, which the suite has made, over a
 * connection of its own and past the fencing of runs. So a run that executes although it must not is seen. Only where NODE_ENV is
 * `test` is there such a pipeline.
 */
@Injectable()
export class WitnessPipeline extends Pipeline implements OnApplicationShutdown {
  readonly name = 'witness';
  private opened: Pool | undefined;

  constructor(private readonly settings: Settings) {
    super();
  }

  checkInput(input: Record<string, unknown>): Promise<InputVerdict> {
    return Promise.resolve(checkAgainst(WitnessInput, input));
  }

  async run(context: PipelineContext): Promise<PipelineResult> {
    const { stages } = context.params.input as unknown as WitnessInput;
    for (let stage = 1; stage <= stages; stage++) {
      const name = `stage-${stage}`;
      await context.stage(name, () => this.work(context, name, stage === stages));
    }
    return {};
  }

  async onApplicationShutdown(): Promise<void> {
    await this.opened?.end();
  }

  private async work(context: PipelineContext, stage: string, isLast: boolean): Promise<{ epoch: number }> {
    const { signal, epoch } = context;
    const { workMs, beatMs, fail, failTimes } = context.params.input as unknown as WitnessInput;
    await this.testify(context, stage, 'begin');
    try {
      // Counted in beats, not by a clock: what is left when the process is frozen is still to be done when it goes on.
      for (let worked = 0; worked < workMs; worked += beatMs) {
        await delay(Math.min(beatMs, workMs - worked), undefined, { signal });
        await this.testify(context, stage, 'beat');
      }
      signal.throwIfAborted();
    } catch (error) {
      if (signal.aborted) await this.testify(context, stage, 'abort').catch(() => undefined);
      throw error;
    }
    if (isLast && fail !== undefined && (await this.failures(context)) < failTimes) {
      await this.testify(context, stage, 'fail');
      throw new PipelineFailed({ stage, reason: 'it was asked to fail' }, fail === 'retryable');
    }
    await this.testify(context, stage, 'end');
    return { epoch };
  }

  /** A sign that cannot be written is an attempt that failed: no work without a witness. */
  private async testify({ runId, epoch }: PipelineContext, stage: string, kind: Testimony): Promise<void> {
    await this.pool.query(
      'INSERT INTO witness (run_id, epoch, pid, stage, kind, at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())',
      [runId, epoch, process.pid, stage, kind],
    );
  }

  private async failures({ runId }: PipelineContext): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM witness WHERE run_id = $1 AND kind = 'fail'`,
      [runId],
    );
    return rows[0]?.count ?? 0;
  }

  private get pool(): Pool {
    if (this.opened === undefined) {
      this.opened = new Pool({ ...connectionConfig(this.settings.requireDatabaseUrl(), 'interlock-witness'), max: 4 });
      this.opened.on('error', () => undefined); // the next statement connects again
    }
    return this.opened;
  }
}
