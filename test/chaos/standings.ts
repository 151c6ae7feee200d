import type { SwitchChange } from './evidence.js';
import type { History, ToggleRecord } from './history.js';

/** From the answer of a stop until it was released. */
export interface Standing {
  readonly scope: string;
  readonly toggle: ToggleRecord;
  /** The level that was asked for; the switch may stand at the stricter one. */
  readonly level: 'halt' | 'reduce';
  readonly from: number;
  /** What counts as unknown by the answer; null when it could not be counted. */
  readonly ordersUnknown: number | null;
  /** Until then the switch is on: no start is admitted, and no order that buys. */
  readonly untilOff: number;
  /** Until then it halts: nothing is claimed, nothing works. Never where less was asked for. */
  readonly untilLoosened: number;
}

/**
 * What stood when, by the stops' answers and the versions that the database has seen. The step that ends a standing is dated before its
 * commit, under the lock that admissions wait for: nothing that it let in can have come before.
 */
export function standingsOf(history: History, switches: readonly SwitchChange[]): Standing[] {
  return history.toggles.flatMap((toggle) => {
    const { outcome, scope, receivedAt } = toggle;
    if (!toggle.enabled || (outcome.kind !== 'changed' && outcome.kind !== 'unchanged')) return [];
    const later = switches.filter((change) => change.scope === scope && change.version > outcome.version);
    const first = (changes: readonly SwitchChange[]) => Math.min(...changes.map(({ at }) => at));
    const untilOff = first(later.filter(({ enabled }) => !enabled));
    const untilLoosened = first(later.filter(({ level }) => level !== 'halt'));
    const level = toggle.level ?? 'halt';
    const { ordersUnknown } = outcome.effect;
    return [
      {
        scope,
        toggle,
        level,
        from: receivedAt,
        ordersUnknown,
        untilOff,
        untilLoosened: level === 'halt' ? untilLoosened : -Infinity,
      },
    ];
  });
}

/** Whether the order is under a switch's scope. */
export function isOrderUnder(scope: string, { strategy }: { readonly strategy: string }): boolean {
  return scope === 'global' || scope === 'mode:paper' || scope === 'venue:paper' || scope === `strategy:${strategy}`;
}
