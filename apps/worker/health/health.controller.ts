import { DatabaseHealth } from '@interlock/persistence';
import { JobQueues } from '@interlock/queue';
import { type BeforeApplicationShutdown, Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { KillSwitchWatch } from '@interlock/kill-switch';
import type { Response } from 'express';
import { ConsumerWatch } from '../consumer-watch.js';

/** Health of the worker, for supervisors and orchestrators. */
@Controller('health')
export class HealthController implements BeforeApplicationShutdown {
  private shuttingDown = false;

  constructor(
    private readonly database: DatabaseHealth,
    private readonly queues: JobQueues,
    private readonly watch: KillSwitchWatch,
    private readonly consumerWatch: ConsumerWatch,
  ) {}

  beforeApplicationShutdown(): void {
    this.shuttingDown = true;
  }

  @Get()
  async health(@Res() response: Response): Promise<void> {
    const [db, queue] = await Promise.all([this.database.check(), this.queues.health()]);
    const ok = db.ok && queue.ok;
    response.status(statusFor(ok)).json({ ok, service: 'interlock-worker', now: new Date().toISOString(), db, queue });
  }

  @Get('live')
  live(): { ok: true } {
    return { ok: true };
  }

  @Get('ready')
  async ready(@Res() response: Response): Promise<void> {
    const [db, queue] = await Promise.all([this.database.check(), this.queues.health()]);
    const killSwitch = { ok: !this.watch.blind };
    const consumer = { ok: !this.consumerWatch.silent };
    const ok = db.ok && queue.ok && killSwitch.ok && consumer.ok && !this.shuttingDown;
    response.status(statusFor(ok)).json({ ok, db, queue, killSwitch, consumer, shuttingDown: this.shuttingDown });
  }
}

function statusFor(ok: boolean): HttpStatus {
  return ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE;
}
