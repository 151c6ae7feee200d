import { DatabaseError } from 'pg';

/** The commit was sent and no answer came: the transaction may or may not have happened. */
export class CommitOutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the database was lost while committing; the outcome is unknown', { cause });
    this.name = 'CommitOutcomeUnknown';
  }
}

/** The server itself answered with an error, so the statement did not happen. */
export function isServersAnswer(error: unknown): boolean {
  if (error instanceof DatabaseError) return true;
  return typeof error === 'object' && error !== null && 'driverError' in error && isServersAnswer(error.driverError);
}

/** SQLSTATE of a PostgreSQL error or the code of a socket error, whatever wraps it. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, driverError } = error as { code?: unknown; driverError?: unknown };
  return typeof code === 'string' ? code : codeOf(driverError);
}

/** Serialization failure or deadlock: the transaction was rolled back and may be replayed as a whole. */
export function isReplayable(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40001' || code === '40P01';
}

/** The database did not get round to something in the time that it had. Nothing was begun. */
export class DatabaseBusy extends Error {
  constructor(afterMs: number) {
    super(`the database did not get round to it within ${afterMs} ms`);
    this.name = 'DatabaseBusy';
  }
}

/** The server was asked for something that only one which takes writes may be believed about. */
export class TakesNoWrites extends Error {
  /** As PostgreSQL itself says it. */
  readonly code = '25006';

  constructor() {
    super('the database takes no writes');
    this.name = 'TakesNoWrites';
  }
}

/** node-postgres gave up waiting for a statement's answer, which may still come. */
export function isLateAnswer(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** The server takes no writes: a standby, or one that was told so. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === '25006';
}

/** The server lets nobody in with this account, password or database name, which no waiting mends. */
export function isRefusedLogin(error: unknown): boolean {
  return /^(28|3D)/.test(codeOf(error) ?? '');
}

// Integrity violations and rollbacks; and a session that was ended because it sat idle in its transaction: it sat there, so the
// commit came too late to be read.
const ROLLBACK_STATES = /^(23|40|25P03)/;
// What TypeORM and node-postgres say of a statement that they did not send, because the connection was lost before.
const UNSENT_MESSAGES = /query runner (was )?already released|not queryable/i;

/** An error that leaves no doubt that a commit did not happen: PostgreSQL itself refused it, or it was never sent. */
export function isDefiniteRollback(error: unknown): boolean {
  return ROLLBACK_STATES.test(codeOf(error) ?? '') || (error instanceof Error && UNSENT_MESSAGES.test(error.message));
}

// Class 08 connection exceptions, 28 and 3D logins refused, 53 insufficient resources (too many connections, disk full), 57P0x
// shutdown and crash, 25006 no writes taken, 25P03 idle session ended, 57014 and 55P03 timeouts.
const UNAVAILABLE_STATES = /^(08|28|3D|53|57P0|25006|25P03|57014|55P03)/;
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
// Errors of node-postgres without a code; the last is TypeORM's, in both of its wordings, for a statement after its connection was lost.
const DRIVER_MESSAGES =
  /connection terminated|timeout expired|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|cannot use a pool after calling end|connection is closed|not queryable|query runner (was )?already released/i;

/** True when the database could not be reached or did not answer in time, so that nothing can be said about its content. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined && (SOCKET_CODES.has(code) || UNAVAILABLE_STATES.test(code))) return true;
  if (error instanceof CommitOutcomeUnknown || error instanceof DatabaseBusy) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  return error instanceof Error && DRIVER_MESSAGES.test(error.message);
}
