import type { Mode } from '@interlock/kill-switch';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StageProgress } from './pipeline.js';
import type { RunFailure, RunStatus, StageStatus } from './run.js';

@Entity('runs')
export class RunEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  status!: RunStatus;

  @Column('text')
  mode!: Mode;

  @Column('boolean', { name: 'dry_run' })
  dryRun!: boolean;

  /** Decimal text, as PostgreSQL's numeric comes. */
  @Column('numeric', { name: 'max_position' })
  maxPosition!: string;

  @Column('text')
  pipeline!: string;

  @Column('text')
  strategy!: string;

  @Column('jsonb')
  input!: Record<string, unknown>;

  @Column('text', { nullable: true })
  notes!: string | null;

  @Column('text', { name: 'idempotency_key', nullable: true })
  idempotencyKey!: string | null;

  @Column('integer')
  attempt!: number;

  @Column('jsonb', { nullable: true })
  failure!: RunFailure | null;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt!: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;
}

@Entity('run_stages')
export class RunStageEntity {
  @PrimaryColumn('uuid', { name: 'run_id' })
  runId!: string;

  @PrimaryColumn('text')
  name!: string;

  @Column('integer')
  position!: number;

  @Column('text')
  status!: StageStatus;

  @Column('jsonb', { nullable: true })
  progress!: StageProgress | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;
}

@Entity('run_reports')
export class RunReportEntity {
  @PrimaryColumn('uuid', { name: 'run_id' })
  runId!: string;

  @Column('json')
  report!: Record<string, unknown>;
}
