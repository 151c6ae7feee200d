import type { Misbehaviour, OrderWish } from './order-schedule.js';
import type { Level, StartWish } from './schedule.js';

/** Times are milliseconds since 1970, by the clock of the machine, which is the database's as well. */
export interface Exchange {
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

/** What a press did to orders, as its answer tells it. */
export interface ToldEffect {
  readonly ordersCanceled: number;
  /** Null: they could not be counted. */
  readonly ordersUnknown: number | null;
}

export type ToggleOutcome =
  | { kind: 'changed'; version: number; effect: ToldEffect }
  /** 409: the switch is as it was wished. */
  | { kind: 'unchanged'; version: number; effect: ToldEffect }
  | { kind: 'refused'; status: number; code: string }
  | { kind: 'unknown'; why: string };

export interface ToggleRecord extends Exchange {
  readonly kind: 'toggle';
  readonly scope: string;
  readonly enabled: boolean;
  readonly level: Level | undefined;
  readonly outcome: ToggleOutcome;
}

export type FlattenOutcome =
  | { kind: 'started'; planId: string }
  /** 200: one ran already. */
  | { kind: 'running'; planId: string }
  | { kind: 'refused'; status: number; code: string }
  /** It may have begun. */
  | { kind: 'unknown'; why: string };

/** Everything under a scope is to be sold. */
export interface FlattenRecord extends Exchange {
  readonly kind: 'flatten';
  readonly scope: string;
  readonly outcome: FlattenOutcome;
}

export interface CancelRecord extends Exchange {
  readonly kind: 'cancel';
  readonly runId: string;
  /** 0: no answer. */
  readonly status: number;
  readonly code: string;
}

export type OrderOutcome =
  | { kind: 'admitted'; orderId: string }
  | { kind: 'replayed'; orderId: string }
  /** Answered 4xx or 503, or never taken by anybody: it is not stored and never reaches a venue. */
  | { kind: 'refused'; status: number; code: string }
  /** No answer, or OUTCOME_UNKNOWN: it may be stored, once. */
  | { kind: 'unknown'; why: string };

/** One order that was asked for, alone or in a batch. */
export interface OrderRecord extends Exchange {
  readonly kind: 'order';
  readonly wish: OrderWish;
  readonly key: string | undefined;
  readonly outcome: OrderOutcome;
}

/** An order to be cancelled. */
export interface OrderCancelRecord extends Exchange {
  readonly kind: 'cancel-order';
  readonly orderId: string;
  /** 0: no answer. */
  readonly status: number;
  readonly code: string;
  /** The order's, as the answer shows it. */
  readonly became: string | undefined;
}

/** Something that others do at the paper venue. */
export interface MarketRecord extends Exchange {
  readonly kind: 'market';
  readonly market: string;
  readonly deed: 'list-market' | 'trade' | 'settle';
  /** 0: no answer. */
  readonly status: number;
  readonly code: string;
}

/** A process, the database, Redis or the venue was not at work, or badly, from `from` until it was ready again. */
export interface FaultRecord {
  readonly kind: 'fault';
  readonly operation: number;
  readonly deed:
    | 'kill'
    | 'terminate'
    | 'freeze'
    | 'stop-database'
    | 'cut-listeners'
    | 'misbehave'
    | 'kill-redis'
    | 'freeze-redis'
    | 'fill-redis'
    | 'empty-redis';
  /** A process's name, `database`, `redis` or `venue`. */
  readonly target: string;
  readonly behaviour?: Misbehaviour;
  readonly pid: number | undefined;
  readonly from: number;
  readonly until: number;
}

export type HistoryRecord =
  | StartRecord
  | ToggleRecord
  | FlattenRecord
  | CancelRecord
  | OrderRecord
  | OrderCancelRecord
  | MarketRecord
  | FaultRecord;

/** All that was done to the cluster and what it answered. */
export class History {
  readonly starts: StartRecord[] = [];
  readonly toggles: ToggleRecord[] = [];
  readonly flattens: FlattenRecord[] = [];
  readonly cancels: CancelRecord[] = [];
  readonly orders: OrderRecord[] = [];
  readonly orderCancels: OrderCancelRecord[] = [];
  readonly markets: MarketRecord[] = [];
  readonly faults: FaultRecord[] = [];

  add(record: HistoryRecord): void {
    switch (record.kind) {
      case 'start':
        this.starts.push(record);
        break;
      case 'toggle':
        this.toggles.push(record);
        break;
      case 'flatten':
        this.flattens.push(record);
        break;
      case 'cancel':
        this.cancels.push(record);
        break;
      case 'order':
        this.orders.push(record);
        break;
      case 'cancel-order':
        this.orderCancels.push(record);
        break;
      case 'market':
        this.markets.push(record);
        break;
      case 'fault':
        this.faults.push(record);
        break;
    }
  }

  /** Everything, in the order in which it began. */
  get records(): HistoryRecord[] {
    const { starts, toggles, flattens, cancels, orders, orderCancels, markets, faults } = this;
    const all: HistoryRecord[] = [starts, toggles, flattens, cancels, orders, orderCancels, markets, faults].flat();
    return all.toSorted((a, b) => beganAt(a) - beganAt(b));
  }
}

export function beganAt(record: HistoryRecord): number {
  return record.kind === 'fault' ? record.from : record.sentAt;
}
