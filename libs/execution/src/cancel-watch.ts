import { Settings } from '@interlock/config';
import { faultPoint } from '@interlock/observability';
import { NotificationListener, Transactions } from '@interlock/persistence';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CANCEL_CHANNEL } from './cancel-run.js';
import { RunningRuns } from './running-runs.js';

/**
 * Tells running work at once that somebody cancelled it. A notification that is lost costs a moment: the next renewal of the
 * run's lease brings the news as well.
 */
@Injectable()
export class CancelWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('cancel-watch');
  private readonly listener: NotificationListener;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    settings: Settings,
    private readonly transactions: Transactions,
    private readonly runningRuns: RunningRuns,
  ) {
    this.listener = new NotificationListener(settings.requireDatabaseUrl(), CANCEL_CHANNEL, () => {
      this.looking = this.looking.then(() => this.look());
    });
  }

  onApplicationBootstrap(): void {
    this.listener.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.listener.stop();
    await this.looking;
  }

  private async look(): Promise<void> {
    const runIds = this.runningRuns.runIds;
    if (runIds.length === 0) return;
    try {
      faultPoint('cancel-heard');
      const canceled = await this.transactions.run((tx) =>
        tx.query<{ id: string; by: string }[]>(
          `SELECT id, cancel_requested_by AS by FROM runs WHERE id = ANY($1::uuid[]) AND cancel_requested_by IS NOT NULL`,
          [runIds],
        ),
      );
      for (const { id, by } of canceled) this.runningRuns.cancel(id, by);
    } catch (error) {
      this.logger.warn({ err: error }, 'could not look for cancelled runs; the next renewal of a lease will tell');
    }
  }
}
