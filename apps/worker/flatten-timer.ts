import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Settings } from '@interlock/config';
import { atMost } from '@interlock/observability';
import { FlattenWork } from '@interlock/orders';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

/** Between two steps of a plan: about what a sale takes from its admission to its booking. */
const BUSY_MS = 100;
/** How soon a new plan, or one whose worker was lost, is noticed. */
const QUIET_MS = 500;
const AFTER_FAILURE_MS = 2_000;

/** Carries flatten plans on, in every worker: of all one at a time has a plan. */
@Injectable()
export class FlattenTimer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('flatten');
  private readonly worker = randomUUID();
  private readonly ending = new AbortController();
  private working: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    private readonly settings: Settings,
    private readonly work: FlattenWork,
  ) {}

  onApplicationBootstrap(): void {
    this.working = this.keepWorking();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    if (!(await atMost(this.settings.shutdownGraceMs, this.working))) return;
    await this.work.release(this.worker).catch(() => undefined); // its lease runs out
  }

  private async keepWorking(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const pauseMs = await this.carryOn();
      await delay(pauseMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
    }
  }

  /** @returns how long to wait for the next step, in milliseconds */
  private async carryOn(): Promise<number> {
    try {
      const plans = await this.work.carryOn(this.worker);
      if (this.failing) this.logger.log('plans are carried on again');
      this.failing = false;
      return plans > 0 ? BUSY_MS : QUIET_MS;
    } catch (error) {
      // Told once: it is tried again every 2 s.
      if (!this.failing) this.logger.warn({ err: error }, 'flatten plans could not be carried on');
      this.failing = true;
      return AFTER_FAILURE_MS;
    }
  }
}
