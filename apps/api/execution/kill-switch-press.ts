import { CountAbortedRuns } from '@interlock/execution';
import type { KillSwitch } from '@interlock/kill-switch';
import { CountWorkingOrders, type KillSwitchEffect, KillSwitchEffects, SweepOrders } from '@interlock/orders';
import { answeredWithin } from '@interlock/persistence';
import { Injectable, Logger } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';

/** A stop is answered within 3 s, its way here and back on a busy machine included: what cannot be counted by then is not waited for. */
const ANSWER_MS = 2_500;
/** Longest time of a sweep; the worker's chase goes on with what is left. */
const SWEEP_MS = 2_250;
/** Of the answer's time, the part that is kept for counting what a failed sweep has left. */
const LAST_COUNT_MS = 150;

/** What is known of it when the stop is answered. */
type KnownEffect = Omit<KillSwitchEffect, 'ordersUnknown'> & {
  /** Null: they could not be counted. */
  readonly ordersUnknown: number | null;
};

/**
 * What pressing a kill switch does once the switch is turned: running work is counted, working orders are cancelled. Whatever fails
 * here is logged and never keeps the stop from answering: the switch is turned, and that is what the answer must say.
 */
@Injectable()
export class KillSwitchPress {
  private readonly logger = new Logger('kill-switch');

  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly effects: KillSwitchEffects,
  ) {}

  /**
   * @param isRepeated the switch was so already: only what works now counts
   * @param pressedAt when the request came, as `performance.now()`
   */
  async carryOut(killSwitch: KillSwitch, isRepeated: boolean, pressedAt: number): Promise<KnownEffect> {
    if (!killSwitch.enabled) return { runsAborted: 0, ordersCanceled: 0, ordersUnknown: 0 };
    const until = pressedAt + ANSWER_MS;
    const [runsAborted, orders] = await Promise.all([
      this.abortedBy(killSwitch, isRepeated, until),
      this.sweep(killSwitch, isRepeated, until),
    ]);
    const { ordersCanceled, ordersUnknown } = orders;
    // What could not be counted a worker counts and tells.
    if (!isRepeated && ordersUnknown !== null) {
      this.tell(killSwitch, { runsAborted, ordersCanceled, ordersUnknown });
    }
    return { runsAborted, ordersCanceled, ordersUnknown };
  }

  private async abortedBy(killSwitch: KillSwitch, isRepeated: boolean, until: number): Promise<number> {
    try {
      const counting = this.queries.execute(new CountAbortedRuns(killSwitch, isRepeated));
      return await answeredWithin(until - performance.now(), counting);
    } catch (error) {
      this.logger.error({ err: error }, 'the runs that the switch aborts could not be counted');
      return 0;
    }
  }

  private async sweep(killSwitch: KillSwitch, isRepeated: boolean, until: number) {
    const { scope, level, updatedAt } = killSwitch;
    const since = isRepeated ? null : updatedAt;
    const withinMs = Math.min(SWEEP_MS, Math.max(until - LAST_COUNT_MS - performance.now(), LAST_COUNT_MS));
    try {
      const { ordersCanceled, ordersUnknown } = await answeredWithin(
        until - LAST_COUNT_MS - performance.now(),
        this.commands.execute(new SweepOrders({ scope, level: level ?? 'halt', since, withinMs, foreign: false })),
      );
      return { ordersCanceled, ordersUnknown };
    } catch (error) {
      this.logger.error({ err: error }, 'the orders that the switch forbids could not be swept');
      return { ordersCanceled: 0, ordersUnknown: await this.stillWorking(killSwitch, until) };
    }
  }

  /** @returns null when nobody can tell: 0 would say that nothing works any more */
  private async stillWorking(killSwitch: KillSwitch, until: number): Promise<number | null> {
    try {
      return await answeredWithin(until - performance.now(), this.queries.execute(new CountWorkingOrders(killSwitch)));
    } catch (error) {
      this.logger.error({ err: error }, 'the orders that the switch forbids could not be counted');
      return null;
    }
  }

  /** Not waited for: the worker tells what the api could not. */
  private tell(killSwitch: KillSwitch, effect: KillSwitchEffect): void {
    this.effects.tell(killSwitch, effect).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the effect of the switch could not be told; a worker will');
    });
  }
}
