import { type Actor, includesRole } from '@interlock/access';
import { type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Logger } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type KillSwitch, type KillSwitchWish, loosens, satisfies, type Scope } from './kill-switch.js';
import { KillSwitches } from './kill-switches.repository.js';

/** After this long, whoever still holds the scope's lock is ended: a frozen process must not hold the button. */
const PATIENCE_MS = 1_000;

/** Turns a scope's kill switch on or off, or changes its level (safety.md: K1, K2, K6, K7). */
export class ToggleKillSwitch extends Command<ToggleKillSwitchResult> {
  constructor(
    readonly wish: KillSwitchWish,
    readonly actor: Actor,
  ) {
    super();
  }
}

export type ToggleKillSwitchResult =
  | { kind: 'changed'; killSwitch: KillSwitch }
  | { kind: 'unchanged'; killSwitch: KillSwitch }
  /** The change would let more through, which takes a risk officer. */
  | { kind: 'forbidden' };

@CommandHandler(ToggleKillSwitch)
export class ToggleKillSwitchHandler implements ICommandHandler<ToggleKillSwitch> {
  private readonly logger = new Logger('kill-switch');

  constructor(
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly events: OpsEvents,
  ) {}

  execute({ wish, actor }: ToggleKillSwitch): Promise<ToggleKillSwitchResult> {
    // A connection of its own: a busy pool must never keep the button waiting.
    return this.transactions.onReservedConnection(async (tx) => {
      await this.lockAgainstFrozenHolders(tx, wish.scope);
      const before = await this.switches.read(tx, wish.scope);
      if (loosens(before, wish) && !includesRole(actor.role, 'risk-officer')) return { kind: 'forbidden' };
      if (satisfies(before, wish)) return { kind: 'unchanged', killSwitch: before };

      const after = await this.switches.write(tx, wish, actor.name);
      await this.events.record(tx, killSwitchChanged(before, after, actor));
      await this.switches.notify(tx, after); // delivered when we commit
      return { kind: 'changed', killSwitch: after };
    });
  }

  /** Waits for admissions and claims under way; those that come later wait for our commit and then see it (K2). */
  private async lockAgainstFrozenHolders(tx: Transaction, scope: Scope): Promise<void> {
    const impatience = setTimeout(() => void this.endHolders(scope), PATIENCE_MS);
    try {
      await this.switches.lockExclusively(tx, scope);
    } finally {
      clearTimeout(impatience);
    }
  }

  private async endHolders(scope: Scope): Promise<void> {
    try {
      await this.transactions.onReservedConnection(async (tx) => {
        const holders = await this.switches.holders(tx, scope);
        if (holders.length === 0) return;
        this.logger.warn(
          { scope, sessions: holders },
          'ending database sessions that hold the kill switch for too long',
        );
        await tx.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [holders]);
      });
    } catch (error) {
      this.logger.error({ err: error, scope }, 'could not end the sessions that hold the kill switch');
    }
  }
}

function killSwitchChanged(before: KillSwitch, after: KillSwitch, actor: Actor): NewOpsEvent {
  return {
    event: after.enabled ? 'kill_switch_on' : 'kill_switch_off',
    source: 'kill-switch',
    reason: after.reason ?? undefined,
    actor: actor.name,
    details: { scope: after.scope, level: after.level, version: after.version, previousLevel: before.level },
  };
}
