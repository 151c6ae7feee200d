import { Logger } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

interface Callbacks {
  committed: (() => void)[];
  notCommitted: (() => void)[];
}

/** Of the transactions under way; each attempt of a replayed one has its own. */
const underWay = new WeakMap<EntityManager, Callbacks>();

/**
 * Calls `callback` once the transaction has committed, and never when it has not: the place for what must not be done or said of
 * something that is rolled back after all. It is called after the connection was given back, before the caller gets the result.
 * A process that dies in between never calls it, so nothing may depend on it that cannot be found again from the rows. What it
 * throws is logged: the transaction has happened all the same.
 */
export function afterCommit(tx: EntityManager, callback: () => void): void {
  callbacksOf(tx).committed.push(callback);
}

/** The counterpart of `afterCommit`: called when the transaction was rolled back, or when nobody knows whether it was. */
export function unlessCommitted(tx: EntityManager, callback: () => void): void {
  callbacksOf(tx).notCommitted.push(callback);
}

/** Lets callbacks wait for the end of `tx`; the function it returns tells them how it ended. */
export function watchEnd(tx: EntityManager): (outcome: keyof Callbacks) => void {
  const callbacks: Callbacks = { committed: [], notCommitted: [] };
  underWay.set(tx, callbacks);
  return (outcome) => {
    underWay.delete(tx);
    for (const callback of callbacks[outcome]) callSafely(callback);
  };
}

function callbacksOf(tx: EntityManager): Callbacks {
  const callbacks = underWay.get(tx);
  if (callbacks === undefined) throw new Error('this is not a transaction under way');
  return callbacks;
}

function callSafely(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    new Logger('transactions').error({ err: error }, 'what was to follow a transaction failed');
  }
}
