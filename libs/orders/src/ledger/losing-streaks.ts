import type { Transaction } from '@interlock/persistence';
import type { Mode } from '@interlock/kill-switch';
import type { FillRow, PostingRow } from './entries.js';
import { resultOf } from './posting.js';

interface Streak {
  readonly mode: Mode;
  readonly strategy: string;
  /** In a row, up to the last booking. */
  losses: number;
  /** Something did not lose: what was before does not count any more. */
  isBroken: boolean;
  /** What lost first while nothing had broken the streak: it may go on what lost last before. */
  first: string | null;
  last: string | null;
}

/**
 * Counts sales and settlements in a row that lost money, per strategy; one that did not begins anew. An order counts once, in however
 * many fills it loses.
 */
export async function countLosingStreaks(
  tx: Transaction,
  { postings, fills }: { postings: readonly PostingRow[]; fills: readonly FillRow[] },
): Promise<void> {
  const orders = new Map(fills.map(({ id, orderId }) => [id, orderId]));
  const streaks = new Map<string, Streak>();
  for (const { mode, strategy, posting, kind, fillId } of postings) {
    if (kind === 'VOID' || posting.shares.gt(0)) continue;
    const key = `${mode} ${strategy}`;
    const streak = streaks.get(key) ?? { mode, strategy, losses: 0, isBroken: false, first: null, last: null };
    streaks.set(key, streak);
    if (resultOf(posting).lt(0)) lost(streak, orders.get(fillId) ?? fillId);
    else Object.assign(streak, { losses: 0, isBroken: true, last: null });
  }
  if (streaks.size === 0) return;
  const broken = [...streaks].filter(([, { isBroken }]) => isBroken).map(([key]) => key);
  const goingOn = [...streaks].filter(([, { first }]) => first !== null).map(([key, { first }]) => `${key} ${first}`);
  await tx.query(
    `INSERT INTO losing_streaks AS s (mode, strategy, losses, last_lost)
     SELECT mode, strategy, losses, last
     FROM jsonb_to_recordset($1::jsonb) AS n(mode text, strategy text, losses integer, last text) ORDER BY 1, 2
     ON CONFLICT (mode, strategy) DO UPDATE SET last_lost = excluded.last_lost, losses = excluded.losses + CASE
       WHEN s.mode || ' ' || s.strategy = ANY($2) THEN 0
       WHEN s.mode || ' ' || s.strategy || ' ' || s.last_lost = ANY($3) THEN s.losses - 1
       ELSE s.losses END`,
    [JSON.stringify([...streaks.values()]), broken, goingOn],
  );
}

function lost(streak: Streak, cause: string): void {
  if (cause === streak.last) return;
  streak.losses += 1;
  streak.last = cause;
  if (!streak.isBroken) streak.first ??= cause;
}
