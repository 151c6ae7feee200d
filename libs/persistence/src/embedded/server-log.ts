import { closeSync, fstatSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Size in bytes from which the log is set aside at the next start. */
const ROTATE_AT = 5_000_000;

export interface ServerLog {
  readonly path: string;
  /** To hand to the server as its standard output and error. */
  readonly descriptor: number;
  /** Its size in bytes now, as a mark for `since`. */
  mark(): number;
  /** What was written after a mark; of much, the end. */
  since(mark: number): string;
  close(): void;
}

/** Opens `<home>/postgres.log` for appending; a large one becomes `postgres.log.1`, replacing the one before. */
export function openServerLog(home: string): ServerLog {
  const path = join(home, 'postgres.log');
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > ROTATE_AT) renameSync(path, `${path}.1`);
  const descriptor = openSync(path, 'a', 0o600);
  return {
    path,
    descriptor,
    mark: () => fstatSync(descriptor).size,
    since: (mark) => readFileSync(path).subarray(mark).subarray(-2_000).toString().trim(),
    close: () => closeSync(descriptor),
  };
}
