import { KillSwitchToggle } from '@interlock/kill-switch';
import { OpsEvents } from '@interlock/ops-events';
import { Injectable } from '@nestjs/common';

const ACTOR = { name: 'auto-kill-switch', role: 'operator' } as const;

/** Turns a venue's kill switch on because what it tells cannot be booked. */
@Injectable()
export class VenueHalt {
  constructor(
    private readonly toggle: KillSwitchToggle,
    private readonly events: OpsEvents,
  ) {}

  /** @returns false when it was halted already */
  halt(venue: string, reason: string): Promise<boolean> {
    const scope = `venue:${venue}` as const;
    return this.toggle.underLock(scope, async (tx, before) => {
      if (before.enabled && before.level === 'halt') return false;
      await this.toggle.change(tx, before, { scope, enabled: true, level: 'halt', reason }, ACTOR);
      const details = { rule: 'books', scope };
      await this.events.record(tx, { event: 'reconciliation_difference', source: 'worker', reason, details });
      await this.events.record(tx, {
        event: 'auto_kill_switch_triggered',
        source: 'auto-kill-switch',
        reason,
        actor: ACTOR.name,
        details,
      });
      return true;
    });
  }
}
