import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { isFinal } from './run.js';
import { RunEntity, RunReportEntity } from './run.entity.js';

/** The report that a run left behind. */
export class GetRunReport extends Query<RunReportResult> {
  constructor(readonly runId: string) {
    super();
  }
}

export type RunReportResult =
  | { kind: 'found'; report: Record<string, unknown> }
  | { kind: 'unknown-run' }
  | { kind: 'not-finished' }
  /** The run ended without one, a dry run for instance. */
  | { kind: 'no-report' };

@QueryHandler(GetRunReport)
export class GetRunReportHandler implements IQueryHandler<GetRunReport> {
  constructor(
    @InjectRepository(RunEntity) private readonly runs: Repository<RunEntity>,
    @InjectRepository(RunReportEntity) private readonly reports: Repository<RunReportEntity>,
  ) {}

  async execute({ runId }: GetRunReport): Promise<RunReportResult> {
    // The run first: one that ends in between has its report stored with its final status.
    const run = await this.runs.findOneBy({ id: runId });
    if (run === null) return { kind: 'unknown-run' };
    if (!isFinal(run.status)) return { kind: 'not-finished' };
    const stored = await this.reports.findOneBy({ runId });
    return stored === null ? { kind: 'no-report' } : { kind: 'found', report: stored.report };
  }
}
