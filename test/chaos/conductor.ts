import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../support/cluster.js';
import { callApi, type ClusterAnswer, NoAnswer } from '../support/cluster-client.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import type { RedisServer } from '../support/redis-server.js';
import { type FaultRecord, History, type StartOutcome, type ToggleOutcome } from './history.js';
import type { Level, Operation, StartWish } from './schedule.js';

/** Requests under way at once; further operations wait. */
const MOST_AT_ONCE = 80;
/** How often the release of a switch is tried. */
const MOST_RELEASES = 20;
/**
 * How long, after everything is up again, nothing at all may happen to runs that have not ended. The sweeper's longest wait before it
 * nudges a run once more is 80 s; how long a backlog takes as a whole is the machine's affair.
 */
const STANDSTILL_MS = 100_000;

type Fault = Extract<Operation, { forMs: number }>;
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

  constructor(
    private readonly cluster: Cluster,
    private readonly onProgress: (done: number, total: number) => void = () => undefined,
  ) {}

  /**
   * @returns what is left unfinished in the end: sentences, empty when every run has ended
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
    return this.comeToRest();
  }

  private begin(work: Promise<void>): void {
    const tracked = work.finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
    tracked.catch(() => undefined); // whoever waits for all of them hears of it
  }

  private async carryOut(operation: Operation): Promise<void> {
    const { index } = operation;
    switch (operation.kind) {
      case 'start':
        return this.start(index, operation.api, operation.wish, operation.key);
      case 'switch-on':
        await this.toggle(index, operation.api, operation.scope, true, operation.level);
        return;
      case 'switch-off':
        return this.release(index, operation.api, operation.scope);
      case 'cancel':
        return this.cancel(index, operation.api, operation.back);
      case 'kill':
      case 'terminate':
      case 'freeze':
        return this.strikeProcess(index, operation.kind, operation.process, operation.forMs);
      case 'stop-database':
        return this.stopDatabase(operation);
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

  /** The api that is wished; another one while that is down, as a load balancer does. */
  private route(api: number): ClusterProcess {
    const wished = this.cluster.api(api);
    return wished.url === undefined ? (this.cluster.apis.find(({ url }) => url !== undefined) ?? wished) : wished;
  }

  private async start(operation: number, api: number, wish: StartWish, key: string | undefined): Promise<void> {
    const process = this.route(api);
    const sentAt = Date.now();
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
    const outcome = await callApi(process, 'POST', '/api/execution/start', { body: wish, headers }).then(
      startOutcome,
      (error: unknown): StartOutcome => {
        if (!(error instanceof NoAnswer)) throw error;
        if (error.refused) return { kind: 'refused', status: 0, code: 'NOBODY_THERE' };
        return { kind: 'unknown', why: error.message };
      },
    );
    if (outcome.kind === 'accepted') this.accepted.push(outcome.runId);
    const times = { sentAt, receivedAt: Date.now() };
    this.history.add({ kind: 'start', operation, api: process.name, wish, key, outcome, ...times });
  }

  /** Presses until somebody answers: a switch that stays on because an api was away would end the suite's work. */
  private async release(operation: number, api: number, scope: string): Promise<void> {
    for (let attempt = 0; attempt < MOST_RELEASES; attempt++) {
      const { kind } = await this.toggle(operation, (api + attempt) % this.cluster.apis.length, scope, false);
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
    const process = this.route(api);
    const sentAt = Date.now();
    const body = { scope, enabled, ...(level === undefined ? {} : { level }), reason: `operation ${operation}` };
    const outcome = await callApi(process, 'POST', '/api/execution/stop', { body }).then(
      toggleOutcome,
      (error: unknown): ToggleOutcome => {
        if (!(error instanceof NoAnswer)) throw error;
        if (error.refused) return { kind: 'refused', status: 0, code: 'NOBODY_THERE' };
        return { kind: 'unknown', why: error.message };
      },
    );
    const times = { sentAt, receivedAt: Date.now() };
    this.history.add({ kind: 'toggle', operation, api: process.name, scope, enabled, level, outcome, ...times });
    return outcome;
  }

  private async cancel(operation: number, api: number, back: number): Promise<void> {
    const runId = this.accepted.at(-back);
    if (runId === undefined) return;
    const process = this.route(api);
    const sentAt = Date.now();
    const answer = await callApi(process, 'POST', `/api/runs/${runId}/cancel`).catch((error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error;
      return { status: 0, body: { code: error.message } } satisfies ClusterAnswer;
    });
    this.history.add({
      kind: 'cancel',
      operation,
      api: process.name,
      sentAt,
      receivedAt: Date.now(),
      runId,
      status: answer.status,
      code: codeOf(answer),
    });
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

  private async stopDatabase({ index, forMs }: Pick<Fault, 'index' | 'forMs'>): Promise<void> {
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

  /** Everything up, all switches released, every run at its end. */
  private async comeToRest(): Promise<string[]> {
    await this.cluster.restore();
    const { database } = this.cluster;
    for (;;) {
      const on = await database.query<{ scope: string }>('SELECT scope FROM kill_switches WHERE enabled');
      if (on.length === 0) break;
      for (const { scope } of on) await this.toggle(-1, 0, scope, false);
    }
    for (let [steps, since] = [0, performance.now()]; ; await delay(50)) {
      const unfinished = await database.query<{ id: string; status: string }>(
        `SELECT id, status FROM runs WHERE status IN ('QUEUED', 'RETRYING', 'RUNNING')`,
      );
      if (unfinished.length === 0) return [];
      const [row] = await database.query<{ steps: number }>('SELECT count(*)::int AS steps FROM chaos_runs');
      if (row?.steps !== steps) [steps, since] = [row?.steps ?? 0, performance.now()];
      else if (performance.now() - since > STANDSTILL_MS)
        return unfinished.map(({ id, status }) => `run ${id} is still ${status}`);
    }
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
  const code = codeOf({ body });
  const named = runId === undefined ? {} : { runId };
  if (code === 'OUTCOME_UNKNOWN') return { kind: 'unknown', why: code, ...named };
  return { kind: 'refused', status, code, ...named };
}

function toggleOutcome({ status, body }: ClusterAnswer): ToggleOutcome {
  const version = (body['killSwitch'] as { version?: number } | undefined)?.version;
  if (status === 200 && version !== undefined) return { kind: 'changed', version };
  if (status === 409 && version !== undefined) return { kind: 'unchanged', version };
  // The commit itself may have been lost, or not.
  if (status >= 500) return { kind: 'unknown', why: codeOf({ body }) };
  return { kind: 'refused', status, code: codeOf({ body }) };
}

function codeOf({ body }: Pick<ClusterAnswer, 'body'>): string {
  return typeof body['code'] === 'string' ? body['code'] : '';
}
