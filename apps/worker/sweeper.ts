import { SweepRuns } from '@interlock/execution';
import { AlertDeliveries } from '@interlock/ops-events';
import { AutoKillSwitch } from '@interlock/risk-guards';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';

/** A run whose worker is lost is to run again within its lease and 2 s. */
const INTERVAL_MS = 500;
/** While sweeps fail they are tried less often, and told once. */
const INTERVAL_AFTER_FAILURE_MS = 2_000;

/**
 * Finds again and again what a process that died, or a queue that was emptied, has left behind: runs, trips of the automatic kill
 * switch, alerts. Every worker does; rows and locks see to it that nothing is done twice.
 */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('sweeper');
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();
  private ending = false;
  private failing = false;

  constructor(
    private readonly commands: CommandBus,
    private readonly autoKillSwitch: AutoKillSwitch,
    private readonly deliveries: AlertDeliveries,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule(INTERVAL_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending = true;
    clearTimeout(this.timer);
    await this.sweeping;
  }

  private schedule(delayMs: number): void {
    if (this.ending) return;
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep();
    }, delayMs);
  }

  private async sweep(): Promise<void> {
    try {
      const swept = await this.commands.execute(new SweepRuns());
      await this.autoKillSwitch.carryOutTrips();
      await this.deliveries.requeuePending();
      if (swept.nudged > 0 || swept.expired > 0) this.logger.log(swept, 'runs found that nobody carried on');
      if (this.failing) this.logger.log('sweeping again');
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.logger.warn({ err: error }, 'could not sweep; trying again every 2 s');
      this.failing = true;
    }
    this.schedule(this.failing ? INTERVAL_AFTER_FAILURE_MS : INTERVAL_MS);
  }
}
