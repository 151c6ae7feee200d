import type { Actor } from '@interlock/access';
import { KillSwitchToggle, type Scope } from '@interlock/kill-switch';
import { faultPoint } from '@interlock/observability';
import { OpsEvents } from '@interlock/ops-events';
import { newId, Transactions } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler, type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { FlattenPlanView } from './flatten-plan.js';
import { FlattenPlans } from './flatten-plans.repository.js';

/** What is to be flattened. */
export interface FlattenWish {
  readonly scope: Scope;
  readonly reason: string | null;
  /** How far below the best bid at its beginning the plan may sell; decimal text, null: however far. */
  readonly collar: string | null;
}

/**
 * Puts the scope's switch to `reduce` and stores a plan that cancels every order under it and sells every position; a worker carries it
 * out. At most one plan of a scope runs at a time. Takes a risk officer, since it loosens a switch that is at `halt`: what halts sells
 * nothing.
 */
export class StartFlatten extends Command<StartFlattenResult> {
  constructor(
    readonly wish: FlattenWish,
    readonly actor: Actor,
  ) {
    super();
  }
}

export type StartFlattenResult =
  | { kind: 'started'; plan: FlattenPlanView }
  /** One runs already; it stays as it was asked for. */
  | { kind: 'running'; plan: FlattenPlanView };

@CommandHandler(StartFlatten)
export class StartFlattenHandler implements ICommandHandler<StartFlatten> {
  constructor(
    private readonly toggle: KillSwitchToggle,
    private readonly plans: FlattenPlans,
    private readonly events: OpsEvents,
  ) {}

  async execute({ wish: { scope, reason, collar }, actor }: StartFlatten): Promise<StartFlattenResult> {
    // The scope's lock also keeps a second plan of the scope out.
    const result = await this.toggle.underLock(scope, async (tx, before): Promise<StartFlattenResult> => {
      if (!before.enabled || before.level !== 'reduce') {
        const wish = { scope, enabled: true, level: 'reduce', reason: reason ?? 'flatten' } as const;
        await this.toggle.change(tx, before, wish, actor);
      }
      const running = await this.plans.findRunning(tx, scope);
      if (running !== undefined) return { kind: 'running', plan: running };
      const plan = await this.plans.insert(tx, { id: newId(), scope, collar, reason, createdBy: actor.name });
      await this.events.record(tx, {
        event: 'flatten_started',
        source: 'api',
        actor: actor.name,
        reason: reason ?? undefined,
        details: { planId: plan.planId, scope, collar, positions: plan.positionsLeft },
      });
      return { kind: 'started', plan };
    });
    faultPoint('flatten-after-commit');
    return result;
  }
}

/** A plan as it is by now; null when there is none of this id. */
export class GetFlattenPlan extends Query<FlattenPlanView | null> {
  constructor(readonly planId: string) {
    super();
  }
}

@QueryHandler(GetFlattenPlan)
export class GetFlattenPlanHandler implements IQueryHandler<GetFlattenPlan> {
  constructor(
    private readonly transactions: Transactions,
    private readonly plans: FlattenPlans,
  ) {}

  async execute({ planId }: GetFlattenPlan): Promise<FlattenPlanView | null> {
    return (await this.transactions.run((tx) => this.plans.find(tx, planId))) ?? null;
  }
}
