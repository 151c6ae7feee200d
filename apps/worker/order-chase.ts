import { randomUUID } from 'node:crypto';
import { Settings } from '@interlock/config';
import { CountAbortedRuns } from '@interlock/execution';
import { KillSwitchWatch } from '@interlock/kill-switch';
import { atMost } from '@interlock/observability';
import { KillSwitchEffects, SweepOrders, type SweepResult, type SwitchToChase } from '@interlock/orders';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';

const SWEEP_MS = 2_500;

/**
 * Cancels, again and again, what the switches that are on forbid, until no such order works: what turns up late, what an api that was
 * lost left behind, and what an automatic trip is to end (safety.md, K4). Wakes with every reading of the switches, that is at once
 * when one is turned, and every second.
 */
@Injectable()
export class OrderChase implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('order-chase');
  private readonly worker = randomUUID();
  /** By scope, the version of the switch since which the venues were seen to show nothing. */
  private readonly clear = new Map<string, number>();
  private unwatch: () => void = () => undefined;
  private chasing: Promise<void> | undefined;
  private again = false;
  private ending = false;
  private failing = false;

  constructor(
    private readonly settings: Settings,
    private readonly watch: KillSwitchWatch,
    private readonly effects: KillSwitchEffects,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  onApplicationBootstrap(): void {
    this.unwatch = this.watch.onReading(() => this.wake());
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending = true;
    this.unwatch();
    if (this.chasing !== undefined) await atMost(this.settings.shutdownGraceMs, this.chasing);
  }

  /** One chase at a time; a wish that comes meanwhile is granted afterwards, since the reading may have been too early for it. */
  private wake(): void {
    if (this.ending) return;
    if (this.chasing !== undefined) {
      this.again = true;
      return;
    }
    this.chasing = this.chaseAll().finally(() => {
      this.chasing = undefined;
      if (!this.again) return;
      this.again = false;
      this.wake();
    });
  }

  private async chaseAll(): Promise<void> {
    try {
      const switches = await this.effects.toChase();
      // Side by side, so that a venue which hangs delays the others' orders by nothing.
      await Promise.all(switches.map((one) => this.chase(one)));
      if (this.failing) this.logger.log('orders are chased again');
      this.failing = false;
    } catch (error) {
      // Told once: it is tried again every second.
      if (!this.failing) this.logger.warn({ err: error }, 'orders that a kill switch forbids could not be chased');
      this.failing = true;
    }
  }

  private async chase(one: SwitchToChase): Promise<void> {
    const { killSwitch, working, isTold, leftUnknown } = one;
    const { scope, version } = killSwitch;
    const isClear = this.clear.get(scope) === version;
    const isDone = working === 0 && isClear && isTold && leftUnknown === 0;
    if (isDone || !(await this.effects.takeChase(scope, this.worker))) return;
    if (working > 0 || !isClear || !isTold) {
      const swept = await this.sweep(one, !isClear);
      if (swept.isClear) this.clear.set(scope, version);
      if (swept.ordersUnknown > 0) return;
    }
    if (leftUnknown > 0) await this.effects.tellEnd(killSwitch);
  }

  private async sweep({ killSwitch, isTold, isOverdue }: SwitchToChase, foreign: boolean): Promise<SweepResult> {
    const { scope, level, updatedAt: since } = killSwitch;
    const swept = await this.commands.execute(new SweepOrders({ scope, level, since, withinMs: SWEEP_MS, foreign }));
    // Whoever turned the switch tells what it did; nobody else was there when it was an automatic trip.
    if (!isTold && isOverdue) {
      const runsAborted = await this.queries.execute(new CountAbortedRuns(killSwitch));
      await this.effects.tell(killSwitch, { ...swept, runsAborted });
    }
    return swept;
  }
}
