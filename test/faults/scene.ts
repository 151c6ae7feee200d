import type { FaultPoint } from '@interlock/observability';
import type { RunStatus } from '../../libs/execution/src/run.js';
import type { Cluster } from '../support/cluster.js';
import type { ClusterAnswer, ClusterRequest } from '../support/cluster-client.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import { readWitness } from '../support/cluster-witness.js';
import { eventually } from '../support/eventually.js';

/** What a scenario may look at of a run. */
export interface RunRow {
  id: string;
  status: RunStatus;
  attempt: number;
  failures: number;
  worker_losses: number;
  epoch: number;
  lease_owner: string | null;
  /** Milliseconds until the lease runs out, by the database's clock. */
  lease_left_ms: number | null;
}

/** Work of two stages that leaves its trace and is soon over; a start's work unless the scenario wants other. */
const SHORT_WORK = { pipeline: 'witness', input: { stages: 2, workMs: 20 } };
/** Work that goes on until somebody ends it. */
export const ENDLESS_WORK = { input: { workMs: 600_000 } };

/** One scenario's view of the cluster: runs of a strategy of its own, processes to arm, and what must hold afterwards. */
export class Scene {
  /** What each log held when the scenario began. */
  private readonly logsBefore: ReadonlyMap<ClusterProcess, string>;

  constructor(
    readonly cluster: Cluster,
    readonly strategy: string,
  ) {
    this.logsBefore = new Map(cluster.programs.map((program) => [program, program.log]));
  }

  /** Starts the process anew, with these fault points armed: `start-after-commit=kill`. */
  async arm(program: ClusterProcess, faults: string, environment: Record<string, string> = {}): Promise<void> {
    await program.kill();
    program.start({ FAULT_POINTS: faults, ...environment });
    await program.waitReady();
  }

  /** Starts the process anew, as its supervisor would: nothing is armed any more. */
  async restart(program: ClusterProcess, environment: Record<string, string> = {}): Promise<void> {
    await program.kill();
    program.start(environment);
    await program.waitReady();
  }

  /** Waits until some process has been struck at the point. */
  async struck(point: FaultPoint, deadlineMs?: number): Promise<void> {
    await eventually(`${point} is visited`, () => this.visited.includes(point), deadlineMs);
  }

  /** The points at which some process was struck. */
  get visited(): string[] {
    return this.cluster.programs.flatMap((program) =>
      [...this.logOf(program).matchAll(/^fault point ([a-z-]+): /gm)].map(([, point = '']) => point),
    );
  }

  /** Waits until the worker says that a run which it had is no longer its own. */
  async givesUp(worker: ClusterProcess): Promise<void> {
    await this.says(worker, '"outcome":"hold-lost"');
  }

  /** Waits until the process has logged this since the scenario began. */
  async says(program: ClusterProcess, text: string): Promise<void> {
    await eventually(`${program.name} says ${text}`, () => this.logOf(program).includes(text));
  }

  /** Sees to it that these processes are up, and no others. */
  async only(up: readonly ClusterProcess[]): Promise<void> {
    await Promise.all(this.cluster.programs.filter((one) => !up.includes(one)).map((one) => one.kill()));
    for (const one of up) one.start();
    await Promise.all(up.map((one) => one.waitReady()));
  }

  /** A start under this scenario's strategy. @throws NoAnswer */
  start(wish: Record<string, unknown> = {}, request: ClusterRequest & { api?: number } = {}): Promise<ClusterAnswer> {
    return this.cluster.post(
      '/api/execution/start',
      { dryRun: false, strategy: this.strategy, ...SHORT_WORK, ...wish },
      { api: 1, timeoutMs: 20_000, ...request },
    );
  }

  /** A start that is accepted; returns the run's id. */
  async accepted(wish: Record<string, unknown> = {}, request: { api?: number } = {}): Promise<string> {
    const { status, body } = await this.start(wish, request);
    if (status !== 202) throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`);
    return String(body['runId']);
  }

  /** Asks for the run to be cancelled, through api 1 unless told. @throws NoAnswer */
  cancel(runId: string, api = 1): Promise<ClusterAnswer> {
    return this.cluster.post(`/api/runs/${runId}/cancel`, undefined, { api });
  }

  /** Turns the strategy's switch on (or off), through api 1 unless told; also says how long the answer took, in milliseconds. */
  async toggle(
    enabled = true,
    { api = 1, scope = `strategy:${this.strategy}` }: { api?: number; scope?: string } = {},
  ): Promise<ClusterAnswer & { tookMs: number }> {
    const sentAt = performance.now();
    const answer = await this.cluster.post('/api/execution/stop', { enabled, scope }, { api, timeoutMs: 20_000 });
    return { ...answer, tookMs: performance.now() - sentAt };
  }

  async query<Row extends Record<string, unknown>>(statement: string, values: unknown[] = []): Promise<Row[]> {
    return this.cluster.database.query<Row>(statement, values);
  }

  /** What the run's work has left behind, in the order in which it happened: `stage-1 begin`, with the epoch of the worker. */
  async testimonies(runId: string): Promise<string[]> {
    const heard = await readWitness(this.cluster.database);
    return heard
      .filter((testimony) => testimony.runId === runId && testimony.kind !== 'beat')
      .map(({ stage, kind, epoch }) => `${stage} ${kind} ${epoch}`);
  }

  /** The runs of this scenario, oldest first. */
  runs(): Promise<RunRow[]> {
    return this.rows('strategy', this.strategy);
  }

  async run(runId: string): Promise<RunRow> {
    const [run] = await this.rows('id', runId);
    if (run === undefined) throw new Error('no such run');
    return run;
  }

  /** The one run of this scenario: of a start whose answer never came. */
  async onlyRun(): Promise<string> {
    const [run, ...others] = await this.runs();
    if (run === undefined || others.length > 0) throw new Error(`there are ${others.length + (run ? 1 : 0)} runs`);
    return run.id;
  }

  reaches(runId: string, ...statuses: readonly RunStatus[]): Promise<RunRow> {
    const look = async (): Promise<RunRow | undefined> => {
      const run = await this.run(runId);
      return statuses.includes(run.status) ? run : undefined;
    };
    return eventually(`run is ${statuses.join(' or ')}`, look, 20_000).catch(async (error: unknown) => {
      throw new Error(`it is ${JSON.stringify(await this.run(runId))}`, { cause: error });
    });
  }

  /** Lets the time go by after which the sweeper nudges a run that nobody has taken. */
  async letNudgeAge(runId: string): Promise<void> {
    await this.query(`UPDATE runs SET nudged_at = nudged_at - interval '10 minutes' WHERE id = $1`, [runId]);
  }

  /** What the process has written since the scenario began. */
  private logOf(program: ClusterProcess): string {
    const before = this.logsBefore.get(program) ?? '';
    // A log that has grown too long has lost its beginning.
    return program.log.startsWith(before) ? program.log.slice(before.length) : program.log;
  }

  private rows(column: 'id' | 'strategy', value: string): Promise<RunRow[]> {
    return this.query<RunRow & Record<string, unknown>>(
      `SELECT id, status, attempt, failures, worker_losses, epoch, lease_owner,
              extract(epoch FROM lease_expires_at - clock_timestamp())::float8 * 1000 AS lease_left_ms
       FROM runs WHERE ${column} = $1 ORDER BY id`,
      [value],
    );
  }
}
