import { Settings } from '@interlock/config';
import { programVersion } from '@interlock/observability';
import { DatabaseHealth } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Access } from '../http/access.decorator.js';
import { healthExamples } from './health.examples.js';
import { HealthAnswer, LiveAnswer, ReadyAnswer } from './health.dto.js';
import { Readiness } from './readiness.js';

/** How long what was found out about the parts is told to those who ask for health, in milliseconds; readiness asks each time. */
const HOLDS_MS = 50;

@ApiTags('Health')
@Controller('api/health')
export class HealthController {
  private recent: { parts: ReturnType<HealthController['parts']>; holdsUntil: number } | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly database: DatabaseHealth,
    private readonly queues: JobQueues,
    private readonly readiness: Readiness,
  ) {}

  /** How the service and the parts it needs are. Answers within 2 s. */
  @Get()
  @Access('public', { quiet: true })
  @ApiOkResponse({ type: HealthAnswer, description: 'Everything works.', example: healthExamples.well })
  @ApiServiceUnavailableResponse({
    type: HealthAnswer,
    description: 'A part does not answer; its `ok` is false, and `error` says what is wrong.',
    example: healthExamples.ill,
  })
  async getHealth(@Res({ passthrough: true }) response: Response): Promise<HealthAnswer> {
    const { db, queue } = await this.recentParts();
    const ok = db.ok && queue.ok;
    response.status(ok ? 200 : 503);
    const now = new Date().toISOString();
    return {
      ok,
      service: 'interlock',
      version: programVersion(),
      now,
      db,
      queue: { ...queue, backend: this.settings.queueBackend },
    };
  }

  /** The process is up; nothing else is asked. */
  @Get('live')
  @Access('public', { quiet: true })
  @ApiOkResponse({ type: LiveAnswer, description: 'It is up.', example: { ok: true } })
  getLiveness(): LiveAnswer {
    return { ok: true };
  }

  /** The process can serve: database and queue answer and it is not shutting down. */
  @Get('ready')
  @Access('public', { quiet: true })
  @ApiOkResponse({ type: ReadyAnswer, description: 'It can serve.', example: healthExamples.ready })
  @ApiServiceUnavailableResponse({
    type: ReadyAnswer,
    description: 'It cannot, or is about to end.',
    example: healthExamples.ending,
  })
  async getReadiness(@Res({ passthrough: true }) response: Response): Promise<ReadyAnswer> {
    const { db, queue } = await this.parts();
    const shuttingDown = this.readiness.isEnding;
    const ok = db.ok && queue.ok && !shuttingDown;
    response.status(ok ? 200 : 503);
    return { ok, shuttingDown, db, queue };
  }

  private recentParts() {
    if (this.recent !== undefined && performance.now() < this.recent.holdsUntil) return this.recent.parts;
    const recent = { parts: this.parts(), holdsUntil: Infinity };
    this.recent = recent;
    const end = () => (recent.holdsUntil = performance.now() + HOLDS_MS);
    recent.parts.then(end, end);
    return recent.parts;
  }

  private async parts() {
    const [db, queue] = await Promise.all([this.database.check(), this.queues.health()]);
    return { db, queue };
  }
}
