import { Settings } from '@interlock/config';
import { KillSwitchWatch } from '@interlock/kill-switch';
import { atMost } from '@interlock/observability';
import { ADMITTED_ORDERS_CHANNEL, type VenueDesk, VenueDesks } from '@interlock/orders';
import { NotificationListener } from '@interlock/persistence';
import { Venues } from '@interlock/venues';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';

/** Keeps a desk for every configured venue: of all workers one at a time looks after each. */
@Injectable()
export class OrderDesks implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('venue-desk');
  private desks: readonly VenueDesk[] = [];
  private readonly listener: NotificationListener;

  constructor(
    private readonly settings: Settings,
    private readonly watch: KillSwitchWatch,
    private readonly venues: Venues,
    private readonly venueDesks: VenueDesks,
  ) {
    this.listener = new NotificationListener(settings.requireDatabaseUrl(), ADMITTED_ORDERS_CHANNEL, () => {
      for (const desk of this.desks) desk.nudge();
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.watch.lookUp(); // nothing is sent before the switches were read (safety.md, K1)
    this.desks = this.venues.all().map((venue) => this.venueDesks.open(venue));
    this.listener.start();
  }

  /** Sends nothing more, and waits for the answers to what is on its way; whatever is left, the next worker finds out. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.listener.stop();
    const closed = Promise.all(this.desks.map((desk) => desk.close()));
    if (!(await atMost(this.settings.shutdownGraceMs, closed))) {
      this.logger.warn('orders are on their way whose answers did not come; the next worker finds out about them');
    }
  }
}
