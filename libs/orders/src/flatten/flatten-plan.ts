import type { Scope } from '@interlock/kill-switch';

export const FLATTEN_STATUSES = ['RUNNING', 'DONE', 'FAILED'] as const;
export type FlattenStatus = (typeof FLATTEN_STATUSES)[number];

/** A plan that works the positions under a scope down, as it is shown. Times are ISO 8601 UTC. */
export interface FlattenPlanView {
  readonly planId: string;
  readonly scope: Scope;
  readonly status: FlattenStatus;
  /** How far below the first best bid it may sell; null: at any bid. */
  readonly collar: string | null;
  /** Why it cannot go on; only when it is FAILED. */
  readonly failure: string | null;
  /** Orders under the scope that were cancelled for it. */
  readonly ordersCanceled: number;
  /** Positions under the scope that hold shares. Of a plan that is DONE: dust, less than its market's minimum size. */
  readonly positionsLeft: number;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** With what the client order ids of a plan's sales begin. */
export function saleIdsOf(planId: string): string {
  return `flatten-${planId}-`;
}

/**
 * The key of a sale: a plan's worker that comes after a crash finds by it what the one before has placed, and places nothing twice.
 * @returns at most 64 characters
 */
export function saleIdOf(planId: string, position: number, attempt: number): string {
  return `${saleIdsOf(planId)}${position}-${attempt}`;
}
