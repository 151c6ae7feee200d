import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../support/cluster.js';
import { type ClusterAnswer, NoAnswer } from '../support/cluster-client.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import type { RedisServer } from '../support/redis-server.js';
import { Caller, codeOf, statusOf, unanswered } from './caller.js';
import { comeToRest } from './come-to-rest.js';
import {
  type FaultRecord,
  type FlattenOutcome,
  History,
  type StartOutcome,
  type ToldEffect,
  type ToggleOutcome,
} from './history.js';
import type { Level, Operation, StartWish } from './schedule.js';
import { Trader } from './trader.js';

/** Requests under way at once; further operations wait. */
const MOST_AT_ONCE = 80;
/** How often the release of a switch is tried. */
const MOST_RELEASES = 20;
type RedisDeed = 'kill-redis' | 'freeze-redis' | 'fill-redis' | 'empty-redis';

const STRIKES: Record<RedisDeed, (redis: RedisServer) => Promise<void>> = {
  'kill-redis': (redis) => redis.kill(),
  'freeze-redis': (redis) => Promise.resolve(redis.freeze()),
  'fill-redis': (redis) => redis.fill(),
  'empty-redis': (redis) => redis.empty(),
};

/** Carries out a schedule on a cluster and writes down what happens. */
export class Conductor {
  readonly history = new History();
  private readonly underWay = new Set<Promise<void>>();
  /** Processes that a fault has hold of; another one passes them over. */
  private readonly struck = new Set<string>();
  private readonly accepted: string[] = [];
  private readonly caller: Caller;
  private readonly trader: Trader;

  constructor(
    private readonly cluster: Cluster,
    private readonly onProgress: (done: number, total: number) => void = () => undefined,
  ) {
    this.caller = new Caller(cluster);
    this.trader = new Trader(this.caller, this.history);
  }

  /**
   * @returns what is left unfinished in the end: sentences, empty when every run and every order has ended
   * @throws when the cluster itself cannot be brought up again
   */
  async perform(schedule: readonly Operation[]): Promise<string[]> {
    for (const [done, operation] of schedule.entries()) {
      await delay(operation.afterMs);
      if (this.underWay.size >= MOST_AT_ONCE) await Promise.race(this.underWay);
      this.begin(this.carryOut(operation));
      if ((done + 1) % 100 === 0) this.onProgress(done + 1, schedule.length);
    }
    while (this.underWay.size > 0) await Promise.all(this.underWay);
    await this.cluster.restore();
    return comeToRest(this.cluster.database, {
      behave: () => this.trader.behave(),
      release: async (scope) => void (await this.toggle(-1, 0, scope, false)),
      cancel: (orderId) => this.trader.cancel(-1, 0, orderId),
    });
  }

  private begin(work: Promise<void>): void {
    const tracked = work.finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
    tracked.catch(() => undefined); // whoever waits for all of them hears of it
  }

  private async carryOut(operation: Operation): Promise<void> {
    const { index } = operation;
    switch (operation.kind) {
      case 'order':
      case 'orders':
      case 'cancel-order':
      case 'list-market':
      case 'trade':
      case 'settle':
      case 'misbehave':
        return this.trader.carryOut(index, operation);
      case 'start':
        return this.start(index, operation.api, operation.wish, operation.key);
      case 'switch-on':
        await this.toggle(index, operation.api, operation.scope, true, operation.level);
        return;
      case 'switch-off':
        return this.release(index, operation.api, operation.scope);
      case 'flatten':
        return this.flatten(index, operation.api, operation.scope, operation.collar);
      case 'cancel':
        return this.cancel(index, operation.api, operation.back);
      case 'kill':
      case 'terminate':
      case 'freeze':
        return this.strikeProcess(index, operation.kind, operation.process, operation.forMs);
      case 'stop-database':
        return this.stopDatabase(index, operation.forMs);
      case 'cut-listeners': {
        const from = Date.now();
        await this.cluster.database.cutListeners().catch(() => 0);
        this.noteFault(index, 'cut-listeners', 'database', undefined, from);
        return;
      }
      case 'empty-redis':
        return this.strikeRedis(index, operation.kind, 0);
      case 'kill-redis':
      case 'freeze-redis':
      case 'fill-redis':
        return this.strikeRedis(index, operation.kind, operation.forMs);
    }
  }

  private async start(operation: number, api: number, wish: StartWish, key: string | undefined): Promise<void> {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const { answer, ...exchange } = await this.caller.call(api, 'POST', '/api/execution/start', {
      body: wish,
      headers,
    });
    const outcome = answer instanceof NoAnswer ? unanswered(answer) : startOutcome(answer);
    if (outcome.kind === 'accepted') this.accepted.push(outcome.runId);
    this.history.add({ kind: 'start', operation, ...exchange, wish, key, outcome });
  }

  /** Presses until somebody answers: a switch that stays on because an api was away would end the suite's work. */
  private async release(operation: number, api: number, scope: string): Promise<void> {
    for (let attempt = 0; attempt < MOST_RELEASES; attempt++) {
      const { kind } = await this.toggle(operation, api + attempt, scope, false);
      if (kind === 'changed' || kind === 'unchanged') return;
      await delay(200);
    }
  }

  private async toggle(
    operation: number,
    api: number,
    scope: string,
    enabled: boolean,
    level?: Level,
  ): Promise<ToggleOutcome> {
    const body = { scope, enabled, ...(level === undefined ? {} : { level }), reason: `operation ${operation}` };
    const { answer, ...exchange } = await this.caller.call(api, 'POST', '/api/execution/stop', { body });
    const outcome = answer instanceof NoAnswer ? unanswered(answer) : toggleOutcome(answer);
    this.history.add({ kind: 'toggle', operation, ...exchange, scope, enabled, level, outcome });
    return outcome;
  }

  private async flatten(operation: number, api: number, scope: string, collar: string | null): Promise<void> {
    const body = { scope, reason: `operation ${operation}`, ...(collar === null ? {} : { collar }) };
    const { answer, ...exchange } = await this.caller.call(api, 'POST', '/api/execution/flatten', { body });
    const outcome = answer instanceof NoAnswer ? unanswered(answer) : flattenOutcome(answer);
    this.history.add({ kind: 'flatten', operation, ...exchange, scope, outcome });
  }

  private async cancel(operation: number, api: number, back: number): Promise<void> {
    const runId = this.accepted.at(-back);
    if (runId === undefined) return;
    const { answer, ...exchange } = await this.caller.call(api, 'POST', `/api/runs/${runId}/cancel`);
    this.history.add({ kind: 'cancel', operation, ...exchange, runId, ...statusOf(answer) });
  }

  private async strikeProcess(
    operation: number,
    deed: 'kill' | 'terminate' | 'freeze',
    wished: string,
    forMs: number,
  ): Promise<void> {
    // Another one of its kind while that one is still coming back; never the last api, lest there is nobody to ask.
    const kind = wished.replace(/\d+$/, '');
    const candidates = this.cluster.programs
      .filter(({ name, state, url }) => name.startsWith(kind) && state === 'up' && url !== undefined)
      .filter(({ name }) => !this.struck.has(name));
    const process = candidates.find(({ name }) => name === wished) ?? candidates[0];
    if (process === undefined || (kind === 'api-' && candidates.length < 2)) return;
    const { name } = process;
    this.struck.add(name);
    try {
      const { pid } = process;
      const from = Date.now();
      await strike(process, deed, forMs);
      this.noteFault(operation, deed, name, pid, from);
    } finally {
      this.struck.delete(name);
    }
  }

  private async stopDatabase(index: number, forMs: number): Promise<void> {
    if (this.struck.has('database')) return;
    this.struck.add('database');
    try {
      const from = Date.now();
      await this.cluster.database.stopImmediately();
      await delay(forMs);
      await this.cluster.database.restart();
      this.noteFault(index, 'stop-database', 'database', undefined, from);
    } finally {
      this.struck.delete('database');
    }
  }

  private async strikeRedis(operation: number, deed: RedisDeed, forMs: number): Promise<void> {
    const { redis } = this.cluster;
    if (redis === undefined || this.struck.has('redis')) return;
    this.struck.add('redis');
    try {
      const from = Date.now();
      await STRIKES[deed](redis);
      await delay(forMs);
      await redis.restart();
      if (deed === 'fill-redis') await redis.makeRoom();
      this.noteFault(operation, deed, 'redis', undefined, from);
    } finally {
      this.struck.delete('redis');
    }
  }

  private noteFault(
    operation: number,
    deed: FaultRecord['deed'],
    target: string,
    pid: number | undefined,
    from: number,
  ): void {
    this.history.add({ kind: 'fault', operation, deed, target, pid, from, until: Date.now() });
  }
}

async function strike(process: ClusterProcess, deed: 'kill' | 'terminate' | 'freeze', forMs: number): Promise<void> {
  if (deed === 'freeze') {
    process.freeze();
    await delay(forMs);
    process.thaw();
    return;
  }
  await (deed === 'kill' ? process.kill() : process.terminate());
  await delay(forMs);
  await process.startUntilReady();
}

function startOutcome({ status, body }: ClusterAnswer): StartOutcome {
  const runId = typeof body['runId'] === 'string' ? body['runId'] : undefined;
  if (status === 202 && runId !== undefined) return { kind: 'accepted', runId };
  if (status === 200 && runId !== undefined) return { kind: 'replayed', runId };
  const code = codeOf(body);
  const named = runId === undefined ? {} : { runId };
  if (code === 'OUTCOME_UNKNOWN') return { kind: 'unknown', why: code, ...named };
  return { kind: 'refused', status, code, ...named };
}

function toggleOutcome({ status, body }: ClusterAnswer): ToggleOutcome {
  const version = (body['killSwitch'] as { version?: number } | undefined)?.version;
  const { ordersCanceled = 0, ordersUnknown = 0 } = (body['effect'] ?? {}) as Partial<ToldEffect>;
  const effect = { ordersCanceled, ordersUnknown };
  if (status === 200 && version !== undefined) return { kind: 'changed', version, effect };
  if (status === 409 && version !== undefined) return { kind: 'unchanged', version, effect };
  // The commit itself may have been lost, or not.
  if (status >= 500) return { kind: 'unknown', why: codeOf(body) };
  return { kind: 'refused', status, code: codeOf(body) };
}

function flattenOutcome({ status, body }: ClusterAnswer): FlattenOutcome {
  const planId = (body['plan'] as { planId?: string } | undefined)?.planId;
  if (status === 202 && planId !== undefined) return { kind: 'started', planId };
  if (status === 200 && planId !== undefined) return { kind: 'running', planId };
  // The commit itself may have been lost, or not.
  if (status > 500) return { kind: 'unknown', why: codeOf(body) };
  return { kind: 'refused', status, code: codeOf(body) };
}
