import type { ShownStage } from '../../pipeline.js';
import type { StageStatus } from '../../run.js';

/** What an entrypoint says at its end, as far as it got there. */
export type PythonVerdict =
  | { kind: 'succeeded'; stages: ShownStage[]; report?: Record<string, unknown> }
  | { kind: 'failed'; stages: ShownStage[]; stage: string; reason: string }
  | { kind: 'raised'; reason: string }
  /** There is nothing to call; trying again would not help. */
  | { kind: 'missing'; what: 'module' }
  | { kind: 'missing'; what: 'function'; module: string }
  | { kind: 'missing'; what: 'dependency'; module: string; name: string };

/** A line of the result channel. */
export type PythonMessage = { kind: 'stage'; stage: ShownStage } | { kind: 'verdict'; verdict: PythonVerdict };

const LONGEST_NAME = 100;
const LONGEST_REASON = 500;
const MOST_STAGES = 200;

/** Words for a stage's status, in any case; of `Status.DONE` the last part. */
const STATUSES: Record<string, StageStatus> = {
  running: 'RUNNING',
  started: 'RUNNING',
  in_progress: 'RUNNING',
  completed: 'COMPLETED',
  complete: 'COMPLETED',
  success: 'COMPLETED',
  succeeded: 'COMPLETED',
  passed: 'COMPLETED',
  ok: 'COMPLETED',
  done: 'COMPLETED',
  failed: 'FAILED',
  failure: 'FAILED',
  error: 'FAILED',
  canceled: 'CANCELED',
  cancelled: 'CANCELED',
  skipped: 'CANCELED',
};

/** Reads a line of the result channel; undefined when it is none that the bootstrap writes. */
export function readMessage(line: string): PythonMessage | undefined {
  let message: unknown;
  try {
    message = JSON.parse(storable(line));
  } catch {
    return undefined;
  }
  if (!isRecord(message)) return undefined;
  if (message['type'] === 'stage') {
    const stage = stageOf(message, 'RUNNING');
    return stage && { kind: 'stage', stage };
  }
  const verdict = verdictOf(message);
  return verdict && { kind: 'verdict', verdict };
}

/** Escapes of what JSON may hold but the database's text may not: NUL, and halves of surrogate pairs. */
const ESCAPES = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\./g;
const NOT_STORABLE = /^\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})$/;

function storable(line: string): string {
  return line.replaceAll(ESCAPES, (escape) => (NOT_STORABLE.test(escape) ? '\\ufffd' : escape));
}

function verdictOf(message: Record<string, unknown>): PythonVerdict | undefined {
  switch (message['type']) {
    case 'result':
      return resultOf(message);
    case 'raised':
      return { kind: 'raised', reason: text(message['reason'], LONGEST_REASON) ?? 'it raised an exception' };
    case 'missing':
      return missingOf(message);
    default:
      return undefined;
  }
}

function resultOf(message: Record<string, unknown>): PythonVerdict {
  const succeeded = message['success'] === true;
  const stages = list(message['stages'])
    .slice(0, MOST_STAGES)
    .map((stage) => stageOf(stage, succeeded ? 'COMPLETED' : 'FAILED'))
    .filter((stage) => stage !== undefined);
  if (succeeded) {
    const { report } = message;
    return { kind: 'succeeded', stages, ...(isRecord(report) ? { report } : {}) };
  }
  const failure = isRecord(message['failure']) ? message['failure'] : { reason: message['failure'] };
  const failed = stages.find(({ status }) => status === 'FAILED');
  return {
    kind: 'failed',
    stages,
    stage: text(failure['stage'], LONGEST_NAME) ?? failed?.name ?? 'entrypoint',
    reason: text(failure['reason'], LONGEST_REASON) ?? 'it reported no success',
  };
}

function missingOf({ what, module, name }: Record<string, unknown>): PythonVerdict | undefined {
  if (what === 'module') return { kind: 'missing', what };
  if (what === 'function') return { kind: 'missing', what, module: String(module) };
  if (what === 'dependency') return { kind: 'missing', what, module: String(module), name: String(name) };
  return undefined;
}

/** @param otherwise the status of a stage whose own word for it is not known */
function stageOf(value: unknown, otherwise: StageStatus): ShownStage | undefined {
  if (!isRecord(value)) return undefined;
  const name = text(value['name'], LONGEST_NAME);
  if (name === undefined) return undefined;
  const word = String(value['status']).toLowerCase().split('.').at(-1) ?? '';
  const status = Object.hasOwn(STATUSES, word) ? STATUSES[word] : undefined;
  return { name, status: status ?? otherwise, ...progressOf(value['progress']) };
}

function progressOf(value: unknown): Pick<ShownStage, 'progress'> {
  if (!isRecord(value) || typeof value['done'] !== 'number') return {};
  const { done, total, unit } = value;
  return {
    progress: {
      done,
      total: typeof total === 'number' ? total : null,
      unit: text(unit, LONGEST_NAME) ?? 'steps',
    },
  };
}

function text(value: unknown, limit: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  // Cut by characters, so that no half of a pair is left at the end.
  const cut = Array.from(value.trim().slice(0, 2 * limit))
    .slice(0, limit)
    .join('')
    .toWellFormed();
  return cut === '' ? undefined : cut;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
