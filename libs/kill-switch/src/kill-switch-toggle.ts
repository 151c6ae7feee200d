import type { Actor } from '@interlock/access';
import { faultPoint } from '@interlock/observability';
import { type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { type Transaction, Transactions } from '@interlock/persistence';
import { Injectable, Logger } from '@nestjs/common';
import type { KillSwitch, KillSwitchWish, Scope } from './kill-switch.js';
import { KillSwitches } from './kill-switches.repository.js';

/** After this long, whoever still holds the scope's lock is ended: a frozen process must not hold the button. */
const PATIENCE_MS = 1_000;

/** Longest time of a change, so that a stop is answered within 3 s whatever the database does. */
const CHANGE_MS = 2_200;

/** How a switch is changed, by a person or by the system: under its exclusive lock, with its event and its notification. */
@Injectable()
export class KillSwitchToggle {
  private readonly logger = new Logger('kill-switch');

  constructor(
    private readonly transactions: Transactions,
    private readonly switches: KillSwitches,
    private readonly events: OpsEvents,
  ) {}

  /**
   * Runs `decide` in a transaction of its own that keeps admissions under this scope out; what it does is committed when this
   * resolves (safety.md, K2). Never call it inside a transaction that holds the scope's shared lock: it would wait for that one.
   * @param decide is given the switch as it is; changes it by `change` or leaves it
   * @throws CommitOutcomeUnknown when the connection was lost during the commit
   */
  underLock<T>(scope: Scope, decide: (tx: Transaction, before: KillSwitch) => Promise<T>): Promise<T> {
    // A connection of its own: a busy pool must never keep the button waiting.
    return this.transactions.onReservedConnection(
      async (tx) => {
        await this.lockAgainstFrozenHolders(tx, scope);
        return decide(tx, await this.switches.read(tx, scope));
      },
      { withinMs: CHANGE_MS },
    );
  }

  /** Stores the switch as wished, with the event that tells it. Only inside `underLock`. */
  async change(tx: Transaction, before: KillSwitch, wish: KillSwitchWish, actor: Actor): Promise<KillSwitch> {
    const after = await this.switches.write(tx, wish, actor.name);
    await this.events.record(tx, killSwitchChanged(before, after, actor));
    await this.switches.notify(tx, after); // delivered when we commit
    faultPoint('toggle-in-transaction');
    return after;
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
