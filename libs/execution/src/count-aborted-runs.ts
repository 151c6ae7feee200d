import { type KillSwitch, type Scope } from '@interlock/kill-switch';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** How many runs were running when this switch was turned to halt: those that run still, and those that it has ended since. */
export class CountAbortedRuns extends Query<number> {
  constructor(
    readonly killSwitch: KillSwitch,
    /** True: only those that run still. */
    readonly onlyRunning = false,
  ) {
    super();
  }
}

@QueryHandler(CountAbortedRuns)
export class CountAbortedRunsHandler implements IQueryHandler<CountAbortedRuns> {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async execute({ killSwitch, onlyRunning }: CountAbortedRuns): Promise<number> {
    // No run under the scope can be claimed any more, so those still running were running at the change; those that a fast worker
    // has ended already name the switch's version.
    if (killSwitch.level !== 'halt') return 0;
    const [row] = await this.dataSource.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM runs
       WHERE (status = 'RUNNING' AND ${underScope(killSwitch.scope)})
          OR (ended_by_scope = $1 AND ended_by_version = $2 AND status = 'CANCELED' AND NOT $3)`,
      [killSwitch.scope, killSwitch.version, onlyRunning],
    );
    return row?.count ?? 0;
  }
}

/** SQL that tells the runs under the scope `$1`. */
function underScope(scope: Scope): string {
  if (scope === 'global') return 'true';
  if (scope.startsWith('mode:')) return `'mode:' || mode = $1`;
  if (scope.startsWith('strategy:')) return `'strategy:' || strategy = $1`;
  return 'false'; // venues stand over orders only
}
