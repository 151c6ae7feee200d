import type { Level, StartWish } from './schedule.js';

/** Times are milliseconds since 1970, by the clock of the machine, which is the database's as well. */
interface Exchange {
  /** The operation's index; -1 for what the suite did to come to an end. */
  readonly operation: number;
  readonly api: string;
  readonly sentAt: number;
  /** When the answer was there, or when it was given up. */
  readonly receivedAt: number;
}

export type StartOutcome =
  | { kind: 'accepted'; runId: string }
  | { kind: 'replayed'; runId: string }
  /** Answered 4xx or 5xx, or never taken by anybody: it must never execute. */
  | { kind: 'refused'; status: number; code: string; runId?: string }
  /** No answer, or OUTCOME_UNKNOWN: it may execute, once. */
  | { kind: 'unknown'; why: string; runId?: string };

export interface StartRecord extends Exchange {
  readonly kind: 'start';
  readonly wish: StartWish;
  readonly key: string | undefined;
  readonly outcome: StartOutcome;
}

export type ToggleOutcome =
  | { kind: 'changed'; version: number }
  /** 409: the switch is as it was wished. */
  | { kind: 'unchanged'; version: number }
  | { kind: 'refused'; status: number; code: string }
  | { kind: 'unknown'; why: string };

export interface ToggleRecord extends Exchange {
  readonly kind: 'toggle';
  readonly scope: string;
  readonly enabled: boolean;
  readonly level: Level | undefined;
  readonly outcome: ToggleOutcome;
}

export interface CancelRecord extends Exchange {
  readonly kind: 'cancel';
  readonly runId: string;
  /** 0: no answer. */
  readonly status: number;
  readonly code: string;
}

/** A process, the database or Redis was not at work from `from` until it was ready again. */
export interface FaultRecord {
  readonly kind: 'fault';
  readonly operation: number;
  readonly deed:
    | 'kill'
    | 'terminate'
    | 'freeze'
    | 'stop-database'
    | 'cut-listeners'
    | 'kill-redis'
    | 'freeze-redis'
    | 'fill-redis'
    | 'empty-redis';
  /** A process's name, `database`, or `redis`. */
  readonly target: string;
  readonly pid: number | undefined;
  readonly from: number;
  readonly until: number;
}

export type HistoryRecord = StartRecord | ToggleRecord | CancelRecord | FaultRecord;

/** All that was done to the cluster and what it answered. */
export class History {
  readonly starts: StartRecord[] = [];
  readonly toggles: ToggleRecord[] = [];
  readonly cancels: CancelRecord[] = [];
  readonly faults: FaultRecord[] = [];

  add(record: HistoryRecord): void {
    switch (record.kind) {
      case 'start':
        this.starts.push(record);
        break;
      case 'toggle':
        this.toggles.push(record);
        break;
      case 'cancel':
        this.cancels.push(record);
        break;
      case 'fault':
        this.faults.push(record);
        break;
    }
  }

  /** Everything, in the order in which it began. */
  get records(): HistoryRecord[] {
    const all: HistoryRecord[] = [...this.starts, ...this.toggles, ...this.cancels, ...this.faults];
    return all.toSorted((a, b) => beganAt(a) - beganAt(b));
  }
}

export function beganAt(record: HistoryRecord): number {
  return record.kind === 'fault' ? record.from : record.sentAt;
}
