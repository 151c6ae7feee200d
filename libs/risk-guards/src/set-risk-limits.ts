import { type NewOpsEvent, OpsEvents } from '@interlock/ops-events';
import { Transactions } from '@interlock/persistence';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ChangedLimit, type LimitChange, RiskLimitRows } from './risk-limits.js';
import { compare, type Decimal, decimal, isMultipleOf } from './rules/decimal.js';
import { kindOf, type ScopeKind, SCOPES_OF, WHOLE_RULES } from './rules/limits.js';
import type { LimitRule } from './rules/refusal.js';

/** Sets limits, or takes them away, while trading goes on; acts on the next order. Setting `losingStreak` releases its strategies. */
export class SetRiskLimits extends Command<SetRiskLimitsResult> {
  constructor(
    readonly changes: readonly LimitChange[],
    readonly reason: string,
    readonly actorName: string,
  ) {
    super();
  }
}

export type SetRiskLimitsResult =
  | { kind: 'set'; version: number; limits: readonly LimitChange[] }
  | { kind: 'invalid'; fieldErrors: Record<string, string[]> };

@CommandHandler(SetRiskLimits)
export class SetRiskLimitsHandler implements ICommandHandler<SetRiskLimits> {
  constructor(
    private readonly transactions: Transactions,
    private readonly limits: RiskLimitRows,
    private readonly events: OpsEvents,
  ) {}

  async execute({ changes, reason, actorName }: SetRiskLimits): Promise<SetRiskLimitsResult> {
    const fieldErrors = faultsOf(changes);
    if (fieldErrors !== undefined) return { kind: 'invalid', fieldErrors };
    return this.transactions.run(async (tx) => {
      await this.limits.lock(tx);
      const changed = await this.limits.set(tx, changes, { actor: actorName, reason });
      for (const { rule, scope } of changes) if (rule === 'losingStreak') await this.limits.release(tx, scope);
      if (changed.length > 0) {
        await this.events.recordAll(tx, [limitChanged(changed, { source: 'api', reason, actor: actorName })]);
      }
      return { kind: 'set', version: await this.limits.version(tx), limits: changes };
    });
  }
}

export function limitChanged(
  changed: readonly ChangedLimit[],
  by: Pick<NewOpsEvent, 'source' | 'reason' | 'actor'>,
): NewOpsEvent {
  return { event: 'limit_changed', ...by, details: { limits: changed } };
}

function faultsOf(changes: readonly LimitChange[]): Record<string, string[]> | undefined {
  const faults: Record<string, string[]> = {};
  const seen = new Set<string>();
  changes.forEach(({ rule, scope, limit }, index) => {
    const kind: ScopeKind = kindOf(scope);
    if (!SCOPES_OF[rule].includes(kind)) {
      faults[`limits.${index}.scope`] = [`${rule} can be limited in ${SCOPES_OF[rule].join(', ')} only`];
    }
    const fault = limit === null ? undefined : faultOf(rule, decimal(limit));
    if (fault !== undefined) faults[`limits.${index}.limit`] = [fault];
    if (seen.has(`${rule} ${scope}`))
      faults[`limits.${index}.rule`] = ['the same rule and scope stand in the request already'];
    seen.add(`${rule} ${scope}`);
  });
  return Object.keys(faults).length === 0 ? undefined : faults;
}

/** What would be kept and never do what was meant: a collar of 5 guards nothing where 0.05 was meant, for prices end at 1. */
function faultOf(rule: LimitRule, limit: Decimal): string | undefined {
  if (WHOLE_RULES.has(rule) && !isMultipleOf(limit, decimal('1'))) return `must be a whole number for ${rule}`;
  if (rule === 'priceCollar' && compare(limit, decimal('1')) > 0) {
    return 'must be at most 1 for priceCollar: it is a distance between prices per share';
  }
  return undefined;
}
