import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { EventName, Severity } from './ops-event.js';

@Entity('ops_events')
export class OpsEventEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  event!: EventName;

  @Column('text')
  severity!: Severity;

  @Column('timestamptz')
  at!: Date;

  @Column('text')
  source!: string;

  @Column('uuid', { name: 'run_id', nullable: true })
  runId!: string | null;

  @Column('text', { name: 'job_id', nullable: true })
  jobId!: string | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('text', { nullable: true })
  actor!: string | null;

  @Column('jsonb')
  details!: Record<string, unknown>;
}
