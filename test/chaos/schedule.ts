import { LIMITS, type OrderDeed, OrderScheduleWriter } from './order-schedule.js';
import { Random } from './random.js';

export const APIS = 2;
export const WORKERS = 2;
const MODES = ['mock', 'paper', 'live'] as const;
const STRATEGIES = ['s-0', 's-1', 's-2', 's-3'] as const;

/** What a start asks for; `notes` tells it from every other start that is not a repeat of it. */
export interface StartWish {
  mode: (typeof MODES)[number];
  strategy: string;
  dryRun: boolean;
  /** As much as the limit allows: above it every start would be refused. */
  maxPosition: number;
  pipeline: 'witness';
  input: { workMs: number; stages: number; beatMs: number; fail?: 'retryable' | 'final'; failTimes: number };
  notes: string;
}

export type Level = 'halt' | 'reduce';

/** One thing that happens, and how long after the one before, in milliseconds. */
export type Operation = { readonly index: number; readonly afterMs: number } & Deed;

export type Deed =
  | OrderDeed
  | { kind: 'start'; api: number; wish: StartWish; key?: string }
  | { kind: 'switch-on'; api: number; scope: string; level: Level }
  | { kind: 'switch-off'; api: number; scope: string }
  /** `collar` as the request has it; null: none. */
  | { kind: 'flatten'; api: number; scope: string; collar: string | null }
  /** `back`: the so many-th last run that was accepted by then. */
  | { kind: 'cancel'; api: number; back: number }
  /** SIGKILL, SIGTERM or SIGSTOP of `api-0`, `worker-1`, …; it comes back `forMs` later. */
  | { kind: 'kill' | 'terminate' | 'freeze'; process: string; forMs: number }
  | { kind: 'stop-database'; forMs: number }
  | { kind: 'cut-listeners' }
  /** SIGKILL, SIGSTOP, or no room for anything new; it is well again `forMs` later. */
  | { kind: 'kill-redis' | 'freeze-redis' | 'fill-redis'; forMs: number }
  | { kind: 'empty-redis' };

/** How likely what is asked of the apis is; `orders` is whatever happens to orders and at the venue. */
const REQUESTS = {
  start: 52,
  'start-keyed': 12,
  repeat: 10,
  'switch-on': 5,
  'switch-off': 1,
  flatten: 2.5,
  cancel: 7,
  orders: 130,
};
/** Longest time between two operations, in milliseconds. Those of orders come closer together. */
const PAUSE_MS = 120;
const ORDER_PAUSE_MS = 50;

/** How likely what goes wrong is. */
const FAULTS = {
  kill: 5,
  terminate: 1.5,
  'freeze-worker': 3,
  'freeze-api': 2,
  'stop-database': 1.5,
  'cut-listeners': 1,
  misbehave: 5,
  'kill-redis': 0,
  'freeze-redis': 0,
  'fill-redis': 0,
  'empty-redis': 0,
};

/** What goes wrong besides when the queue is in Redis. */
const FAULTS_WITH_REDIS = { ...FAULTS, 'kill-redis': 2, 'freeze-redis': 1.5, 'fill-redis': 1.5, 'empty-redis': 2 };

/** Operations between two faults: about as many as come while a process starts again, so that seldom all are away at once. */
const FAULT_DISTANCE = [30, 70] as const;

/** Makes the same schedule from the same seed, always. @param redis whether the queue is in Redis, which may fail as well */
export function makeSchedule(seed: number, operations: number, redis: boolean): Operation[] {
  return new ScheduleWriter(new Random(seed), redis ? FAULTS_WITH_REDIS : FAULTS).write(operations);
}

class ScheduleWriter {
  private readonly operations: Operation[] = [];
  private readonly keyed: { wish: StartWish; key: string }[] = [];
  /** Switches that are on, and the operation at which they are to be released. */
  private readonly releases: { at: number; scope: string }[] = [];

  private nextFault: number = FAULT_DISTANCE[0];
  private readonly orders: OrderScheduleWriter;

  constructor(
    private readonly random: Random,
    private readonly faults: typeof FAULTS,
  ) {
    const add = (deed: OrderDeed, afterMs = random.between(0, ORDER_PAUSE_MS)) => this.add(deed, afterMs);
    this.orders = new OrderScheduleWriter(random, add, APIS);
  }

  write(count: number): Operation[] {
    this.orders.open();
    while (this.operations.length < count) {
      const due = this.releases.findIndex(({ at }) => at <= this.operations.length);
      if (due >= 0) this.release(due);
      else this.deed();
    }
    return this.operations.slice(0, count);
  }

  private deed(): void {
    if (this.operations.length < this.nextFault) return this.request();
    this.fault();
    this.nextFault = this.operations.length + this.random.between(...FAULT_DISTANCE);
  }

  private request(): void {
    const { random } = this;
    const kind = random.weighted(REQUESTS);
    switch (kind) {
      case 'start':
        return this.add({ kind, api: this.api(), wish: this.wish() });
      case 'start-keyed':
        return this.startKeyed();
      case 'repeat':
        return this.repeat();
      case 'switch-on':
        return this.switchOn();
      case 'switch-off':
        return this.add({ kind, api: this.api(), scope: this.scope() });
      case 'flatten':
        return this.flatten();
      case 'cancel':
        return this.add({ kind, api: this.api(), back: random.between(1, 12) });
      case 'orders':
        return this.orders.request();
    }
  }

  private fault(): void {
    const { random } = this;
    const kind = random.weighted(this.faults);
    switch (kind) {
      case 'kill':
        return this.add({ kind, process: this.process(), forMs: random.between(0, 1_500) });
      case 'terminate':
        return this.add({ kind, process: this.process(), forMs: random.between(0, 1_000) });
      case 'freeze-worker':
        return this.freezeWorker();
      case 'freeze-api':
        return this.freezeApi();
      case 'stop-database':
        return this.add({ kind, forMs: random.between(0, 2_500) });
      case 'misbehave':
        return this.misbehave();
      case 'cut-listeners':
      case 'empty-redis':
        return this.add({ kind });
      case 'kill-redis':
      case 'freeze-redis':
      case 'fill-redis':
        return this.add({ kind, forMs: random.between(0, 3_000) });
    }
  }

  private startKeyed(): void {
    const start = { wish: this.wish(), key: `key-${this.operations.length}` };
    this.keyed.push(start);
    this.add({ kind: 'start', api: this.api(), ...start });
    // At the same moment to the other api as well.
    if (this.random.chance(0.5)) for (let api = 0; api < APIS; api++) this.add({ kind: 'start', api, ...start }, 0);
  }

  private repeat(): void {
    const known = this.keyed.slice(-15);
    if (known.length === 0) return this.startKeyed();
    const { wish, key } = this.random.pick(known);
    const repeated = this.random.chance(0.7) ? wish : { ...wish, notes: `${wish.notes}, otherwise` };
    this.add({ kind: 'start', api: this.api(), wish: repeated, key });
  }

  private switchOn(): void {
    const scope = this.scope();
    const level = this.random.chance(0.7) ? 'halt' : 'reduce';
    if (this.random.chance(0.5)) this.orders.burst(5);
    this.add({ kind: 'switch-on', api: this.api(), scope, level });
    const longest = scope.startsWith('strategy:') && this.random.chance(0.1) ? 300 : 80;
    const patience = this.random.between(8, scope === 'global' ? 25 : longest);
    this.releases.push({ at: this.operations.length + patience, scope });
    if (!this.random.chance(0.3)) return;
    // Somebody else presses as well: the same, or the other level.
    this.add({ kind: 'switch-on', api: this.api(), scope, level: this.random.chance(0.5) ? level : 'reduce' }, 0);
  }

  private flatten(): void {
    const { random } = this;
    const scope = this.scope();
    if (random.chance(0.5)) this.orders.burst(5);
    const collar = random.chance(0.3) ? '0.05' : null;
    this.add({ kind: 'flatten', api: this.api(), scope, collar });
    // To the other api as well, at the same moment.
    if (random.chance(0.3)) this.add({ kind: 'flatten', api: this.api(), scope, collar: null }, 0);
    // Soon enough, often, to end a plan that is under way; the switch of few strategies keeps the others trading.
    const longest = scope.startsWith('strategy:') ? 300 : 80;
    this.releases.push({ at: this.operations.length + random.between(15, longest), scope });
  }

  private release(index: number): void {
    const [release] = this.releases.splice(index, 1);
    if (release !== undefined) this.add({ kind: 'switch-off', api: this.api(), scope: release.scope });
  }

  /** While orders are on their way; a stop then has some to count as unknown, often. */
  private misbehave(): void {
    this.orders.burst(4);
    this.orders.misbehave(this.random.between(100, 600));
    if (!this.random.chance(0.5)) return;
    this.orders.burst(3);
    this.switchOn();
  }

  /** Past its lease, with work that goes on longer than it is frozen: what woke up must find that it is no longer wanted. */
  private freezeWorker(): void {
    for (let started = 0; started < 6; started++) {
      const wish = this.wish();
      const input = { ...wish.input, workMs: this.random.between(2_000, 4_000), stages: 1 };
      this.add({ kind: 'start', api: this.api(), wish: { ...wish, dryRun: false, input } }, 0);
    }
    this.orders.burst(4);
    const process = `worker-${this.random.between(0, WORKERS - 1)}`;
    // For longer than the lease of runs, and of a venue's desk as well.
    const forMs = this.random.chance(0.6) ? this.random.between(2_500, 4_500) : this.random.between(5_200, 7_500);
    this.add({ kind: 'freeze', process, forMs }, this.random.between(100, 600));
  }

  /** While starts stream to it, so that it is likely to be inside a transaction. */
  private freezeApi(): void {
    const api = this.api();
    for (let started = 0; started < 6; started++) this.add({ kind: 'start', api, wish: this.wish() }, 0);
    this.orders.burst(4);
    this.add(
      { kind: 'freeze', process: `api-${api}`, forMs: this.random.between(1_200, 3_500) },
      this.random.between(1, 12),
    );
    // The button must not wait for it.
    const scope = `mode:${this.random.pick(MODES)}`;
    this.add({ kind: 'switch-on', api: (api + 1) % APIS, scope, level: 'halt' }, this.random.between(0, 30));
    this.releases.push({ at: this.operations.length + this.random.between(3, 20), scope });
  }

  private add(deed: Deed, afterMs = this.random.between(0, PAUSE_MS)): void {
    this.operations.push({ index: this.operations.length, afterMs, ...deed });
  }

  private wish(): StartWish {
    const { random } = this;
    const fail = random.weighted({ none: 82, retryable: 14, final: 4 });
    return {
      mode: random.pick(MODES),
      strategy: random.pick(STRATEGIES),
      dryRun: random.chance(0.25),
      maxPosition: LIMITS.position,
      pipeline: 'witness',
      input: {
        // Long enough, often, to be frozen or killed in the middle.
        workMs: random.chance(0.4) ? random.between(500, 3_000) : random.between(0, 200),
        beatMs: 25,
        stages: random.between(1, 2),
        ...(fail === 'none' ? {} : { fail }),
        failTimes: random.between(1, 4),
      },
      notes: `operation ${this.operations.length}`,
    };
  }

  private scope(): string {
    const kind = this.random.weighted({ global: 1, mode: 3, strategy: 6, venue: 2 });
    if (kind === 'mode') return `mode:${this.random.pick(MODES)}`;
    if (kind === 'strategy') return `strategy:${this.random.pick(STRATEGIES)}`;
    return kind === 'venue' ? 'venue:paper' : 'global';
  }

  private api(): number {
    return this.random.between(0, APIS - 1);
  }

  private process(): string {
    return this.random.chance(0.7)
      ? `worker-${this.random.between(0, WORKERS - 1)}`
      : `api-${this.random.between(0, APIS - 1)}`;
  }
}

/** One line that says all of an operation. */
export function describeOperation({ index, afterMs, kind, ...rest }: Operation): string {
  return `#${index} +${afterMs} ms ${kind} ${JSON.stringify(rest)}`;
}
