import { RiskWatch } from '@interlock/risk-guards';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

const INTERVAL_MS = 1_000;

/** Has the risk watch look every second. Every worker does; one at a time really looks. */
@Injectable()
export class RiskWatchTimer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('risk-watch');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private ending = false;
  private failing = false;

  constructor(private readonly watch: RiskWatch) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private schedule(): void {
    if (this.ending) return;
    this.timer = setTimeout(() => {
      this.looking = this.look();
    }, INTERVAL_MS);
  }

  /** What cannot be looked at is looked at again a second later: without the database nothing trades either. */
  private async look(): Promise<void> {
    try {
      await this.watch.look();
      if (this.failing) this.logger.log('watching again');
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({ err: error }, 'cannot watch venues, quotes and losses; trying again every second');
      this.failing = true;
    }
    this.schedule();
  }
}
