import { type Actor, includesRole } from '@interlock/access';
import { faultPoint } from '@interlock/observability';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type KillSwitch, type KillSwitchWish, loosens, satisfies } from './kill-switch.js';
import { KillSwitchToggle } from './kill-switch-toggle.js';

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
  constructor(private readonly toggle: KillSwitchToggle) {}

  async execute({ wish, actor }: ToggleKillSwitch): Promise<ToggleKillSwitchResult> {
    const result = await this.toggle.underLock(wish.scope, async (tx, before): Promise<ToggleKillSwitchResult> => {
      if (loosens(before, wish) && !includesRole(actor.role, 'risk-officer')) return { kind: 'forbidden' };
      if (satisfies(before, wish)) return { kind: 'unchanged', killSwitch: before };
      return { kind: 'changed', killSwitch: await this.toggle.change(tx, before, wish, actor) };
    });
    faultPoint('toggle-after-commit');
    return result;
  }
}
