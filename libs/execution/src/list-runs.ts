import type { Mode } from '@interlock/kill-switch';
import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThan, Repository } from 'typeorm';
import type { RunStatus } from './run.js';
import { RunEntity, RunStageEntity } from './run.entity.js';
import { type RunView, viewOf } from './run-view.js';

export interface RunFilter {
  /** Any of these; absent: all. */
  statuses?: readonly RunStatus[];
  mode?: Mode;
  strategy?: string;
  pipeline?: string;
}

export interface RunPage {
  items: RunView[];
  /** Id of the last item when there are more. */
  nextCursor: string | null;
}

/** Runs, newest first. `limit` is from 1 to 200; `before` is the id after which the page starts. */
export class ListRuns extends Query<RunPage> {
  constructor(
    readonly filter: RunFilter,
    readonly limit: number,
    readonly before?: string,
  ) {
    super();
  }
}

@QueryHandler(ListRuns)
export class ListRunsHandler implements IQueryHandler<ListRuns> {
  constructor(
    @InjectRepository(RunEntity) private readonly runs: Repository<RunEntity>,
    @InjectRepository(RunStageEntity) private readonly stages: Repository<RunStageEntity>,
  ) {}

  async execute({ filter: { statuses, ...equal }, limit, before }: ListRuns): Promise<RunPage> {
    const found = await this.runs.find({
      where: {
        ...equal,
        ...(statuses === undefined ? {} : { status: In([...statuses]) }),
        ...(before === undefined ? {} : { id: LessThan(before) }),
      },
      order: { id: 'DESC' }, // ids are UUIDv7: by time
      take: limit + 1,
    });
    const page = found.slice(0, limit);
    const stages = await this.stages.find({
      where: { runId: In(page.map((run) => run.id)) },
      order: { position: 'ASC' },
    });
    const items = page.map((run) =>
      viewOf(
        run,
        stages.filter((stage) => stage.runId === run.id),
      ),
    );
    return { items, nextCursor: found.length > limit ? (page.at(-1)?.id ?? null) : null };
  }
}
