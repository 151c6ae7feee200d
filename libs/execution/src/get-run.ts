import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { RunEntity, RunStageEntity } from './run.entity.js';
import { type RunView, viewOf } from './run-view.js';

/** One run with its stages, or null when there is none of this id (a UUID). */
export class GetRun extends Query<RunView | null> {
  constructor(readonly runId: string) {
    super();
  }
}

@QueryHandler(GetRun)
export class GetRunHandler implements IQueryHandler<GetRun> {
  constructor(
    @InjectRepository(RunEntity) private readonly runs: Repository<RunEntity>,
    @InjectRepository(RunStageEntity) private readonly stages: Repository<RunStageEntity>,
  ) {}

  async execute({ runId }: GetRun): Promise<RunView | null> {
    const run = await this.runs.findOneBy({ id: runId });
    if (run === null) return null;
    const stages = await this.stages.find({ where: { runId }, order: { position: 'ASC' } });
    return viewOf(run, stages);
  }
}
