/** The commit was sent and no answer came: the transaction may or may not have happened. */
export class CommitOutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the database was lost while committing; the outcome is unknown', { cause });
    this.name = 'CommitOutcomeUnknown';
  }
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

/** A unique constraint said no. `constraint` narrows it to one by name. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (codeOf(error) !== '23505') return false;
  const source = (error as { driverError?: unknown }).driverError ?? error;
  return constraint === undefined || (source as { constraint?: unknown }).constraint === constraint;
}

/** An error that leaves no doubt that a commit did not happen: PostgreSQL itself refused it. */
export function isDefiniteRollback(error: unknown): boolean {
  return /^(23|40)/.test(codeOf(error) ?? '');
}

// Class 08 connection exceptions, 53 insufficient resources, 57P0x shutdown and crash, 25P03 idle session ended, 57014 timeout.
const UNAVAILABLE_STATES = /^(08|53|57P0|25P03|57014|55P03)/;
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
  if (error instanceof CommitOutcomeUnknown) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  return error instanceof Error && DRIVER_MESSAGES.test(error.message);
}
