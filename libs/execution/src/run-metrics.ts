import { MODES } from '@interlock/kill-switch';
import { everySeries, Metrics } from '@interlock/observability';
import { afterCommit, type Transaction } from '@interlock/persistence';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isFinal, RUN_STATUSES, type RunStatus } from './run.js';
import { explain, type StartRefusal } from './start-blocked.js';

/** Runs that are not over are counted up to here, so that a long queue costs a scrape no more than 50 ms. */
const MOST_COUNTED = 100_000;
const UNFINISHED = { queued: 'QUEUED', retrying: 'RETRYING', running: 'RUNNING' } as const;
const RULES = ['killSwitch', 'position', 'dailyLoss', 'orderRate', 'startRate'];

/** What a start came to; `failed` when it could not be judged, as without a database. */
const START_OUTCOMES = [
  'accepted',
  'replayed',
  'key-reused',
  'invalid',
  'kill-switch',
  'refused',
  'queue-full',
  'enqueue-failed',
  'outcome-unknown',
  'failed',
] as const;
type StartOutcome = (typeof START_OUTCOMES)[number];

/** Starts, refusals and ends as this process sees them, and the runs that are not over as the database does. */
@Injectable()
export class RunMetrics {
  private readonly starts;
  private readonly refusals;
  private readonly ends;

  constructor(
    metrics: Metrics,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {
    this.starts = metrics.counter(
      'interlock_starts_total',
      'Starts of runs by what they came to',
      everySeries({ outcome: START_OUTCOMES }),
    );
    this.refusals = metrics.counter(
      'interlock_refusals_total',
      'Runs that a kill switch or a risk rule refused, at their start or at the claim of a worker',
      everySeries({ rule: RULES, at: ['start', 'claim'] }),
    );
    this.ends = metrics.counter(
      'interlock_runs_ended_total',
      'Runs that this process ended, by their final status',
      everySeries({ status: RUN_STATUSES.filter(isFinal) }),
    );
    this.countUnfinished(metrics);
  }

  /** Counts a start by what it comes to. */
  async started<T extends { kind: Exclude<StartOutcome, 'failed' | 'kill-switch' | 'refused'> } | StartRefusal>(
    start: Promise<T>,
  ): Promise<T> {
    try {
      const result = await start;
      this.starts.inc({ outcome: result.kind });
      if (result.kind === 'kill-switch' || result.kind === 'refused')
        this.refusals.inc({ rule: explain(result).rule, at: 'start' });
      return result;
    } catch (error) {
      this.starts.inc({ outcome: 'failed' });
      throw error;
    }
  }

  /** Counts a refusal at the claim, if `tx` commits. */
  refusedAtClaim(tx: Transaction, refusal: StartRefusal): void {
    afterCommit(tx, () => this.refusals.inc({ rule: explain(refusal).rule, at: 'claim' }));
  }

  /** Counts runs that end in this status, if `tx` commits. */
  ended(tx: Transaction, status: RunStatus, runs = 1): void {
    if (runs > 0) afterCommit(tx, () => this.ends.inc({ status }, runs));
  }

  private countUnfinished(metrics: Metrics): void {
    const series = everySeries({ mode: MODES });
    const gauges = Object.entries(UNFINISHED).map(([name, status]) => {
      const help = `Runs in status ${status}, by mode; of all that are not over, ${MOST_COUNTED} are counted`;
      return { status, gauge: metrics.gauge(`interlock_runs_${name}`, help, series) };
    });
    metrics.readAtScrape('runs', async () => {
      const rows = await this.readUnfinished();
      for (const { status, gauge } of gauges) {
        for (const { mode } of series)
          gauge.set({ mode }, rows.find((row) => row.status === status && row.mode === mode)?.count ?? 0);
      }
    });
  }

  private readUnfinished(): Promise<{ status: RunStatus; mode: string; count: number }[]> {
    return this.dataSource.query(
      `SELECT status, mode, count(*)::integer AS count
       FROM (SELECT status, mode FROM runs WHERE status IN ('QUEUED', 'RETRYING', 'RUNNING') LIMIT $1) AS unfinished
       GROUP BY status, mode`,
      [MOST_COUNTED],
    );
  }
}
