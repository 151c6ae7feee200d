import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterAnswer, type ClusterRequest, callApi } from './cluster-client.js';
import { ClusterDatabase } from './cluster-database.js';
import { ClusterProcess } from './cluster-process.js';
import { RedisServer } from './redis-server.js';
import { TEST_TOKEN } from './settings.js';
import { redisEnvironment, TEST_BACKEND } from './test-queue.js';

export interface ClusterOptions {
  /** How many apis, or the further variables of each; 1 unless told. */
  apis?: number | readonly Record<string, string>[];
  /** The same of workers. */
  workers?: number | readonly Record<string, string>[];
  /** Further variables of every program. */
  environment?: Record<string, string>;
  /** Called when the database is migrated and seeded, before any program starts. */
  prepare?: (database: ClusterDatabase) => Promise<void>;
  /** Names of the programs that are started at once, such as `api-0`; all unless told. */
  up?: readonly string[];
}

/** Short times, so that what a crash leaves behind is found soon. */
const ENVIRONMENT = {
  NODE_ENV: 'test',
  ADMIN_API_TOKEN: TEST_TOKEN,
  PORT: '0',
  WORKER_PORT: '0',
  WITNESS_PIPELINE: 'true',
  LOG_LEVEL: 'info', // the line with the address is read
  RUN_LEASE_MS: '2000',
  JOB_BACKOFF_MS: '100',
  SHUTDOWN_GRACE_MS: '1000',
  HTTP_RATE_LIMIT_PER_MIN: '0', // suites and chaos stream thousands
};

/**
 * Interlock as it runs in earnest: a database, apis and workers, each a process of its own, made from what `npm run build` has
 * compiled. Always `close` it; should the test process die, everything ends all the same.
 */
export class Cluster {
  private constructor(
    readonly database: ClusterDatabase,
    /** Holds the queue when the suite runs on Redis; else the database does. */
    readonly redis: RedisServer | undefined,
    readonly apis: readonly ClusterProcess[],
    readonly workers: readonly ClusterProcess[],
    private readonly undertaker: ChildProcess,
    /** Of everything that the cluster writes. */
    readonly folder: string,
  ) {}

  /** Starts everything, or what `up` names, and waits until it is ready. */
  static async start({ apis = 1, workers = 1, environment = {}, prepare, up }: ClusterOptions = {}): Promise<Cluster> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'interlock-cluster-')));
    await chmod(folder, 0o755); // as root, the server runs under another account
    const undertaker = spawn(process.execPath, ['test/support/cluster-undertaker.js', folder], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true, // a terminal's Ctrl-C is meant for the tests; this one acts after them
    });
    const told = (pid: number) => undertaker.stdin.write(`${pid}\n`);
    const [database, redis] = await Promise.all([
      ClusterDatabase.start(folder),
      TEST_BACKEND === 'redis' ? RedisServer.startIn(folder, told) : undefined,
    ]).catch(async (error: unknown) => {
      undertaker.stdin.end();
      await rm(folder, { recursive: true, force: true });
      throw error;
    });
    const servers = { DATABASE_URL: database.url, ...(redis === undefined ? {} : redisEnvironment(redis)) };
    const variables = { ...ENVIRONMENT, INTERLOCK_HOME: folder, ...servers, ...environment };
    const make = (kind: 'api' | 'worker', own: Record<string, string>, index: number) =>
      new ClusterProcess(`${kind}-${index}`, `dist/apps/${kind}/main.js`, folder, { ...variables, ...own }, told);
    const cluster = new Cluster(
      database,
      redis,
      replicas(apis).map((own, index) => make('api', own, index)),
      replicas(workers).map((own, index) => make('worker', own, index)),
      undertaker,
      folder,
    );
    try {
      await prepare?.(database);
      const first = cluster.programs.filter(({ name }) => up === undefined || up.includes(name));
      for (const program of first) program.start();
      await Promise.all(first.map((program) => program.waitReady()));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get programs(): readonly ClusterProcess[] {
    return [...this.apis, ...this.workers];
  }

  api(index = 0): ClusterProcess {
    return pick(this.apis, index);
  }

  worker(index = 0): ClusterProcess {
    return pick(this.workers, index);
  }

  /** @throws NoAnswer */
  get(path: string, request: ClusterRequest & { api?: number } = {}): Promise<ClusterAnswer> {
    return callApi(this.api(request.api), 'GET', path, request);
  }

  /** @throws NoAnswer */
  post(path: string, body?: unknown, request: ClusterRequest & { api?: number } = {}): Promise<ClusterAnswer> {
    return callApi(this.api(request.api), 'POST', path, { ...request, body });
  }

  /** @throws NoAnswer */
  put(path: string, body: unknown, request: ClusterRequest & { api?: number } = {}): Promise<ClusterAnswer> {
    return callApi(this.api(request.api), 'PUT', path, { ...request, body });
  }

  /** True when the queue holds the run's job, in whichever state. */
  async hasJob(runId: string): Promise<boolean> {
    if (this.redis !== undefined) {
      return (await this.redis.command('EXISTS', `{interlock}:execution_start:${runId}`)) === 1;
    }
    return (await this.database.query('SELECT id FROM bullmq.job WHERE id = $1', [runId])).length > 0;
  }

  /** Brings everything up again that is down or frozen, and waits until it is ready. */
  async restore(): Promise<void> {
    await Promise.all([this.database.restart(), this.redis?.restart()]);
    for (const program of this.programs) if (program.state === 'frozen') program.thaw();
    await Promise.all(this.programs.map((program) => program.startUntilReady()));
  }

  async waitReady(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.waitReady()));
  }

  /** The ends of all logs, for the report of a failure. */
  logs(charactersEach = 20_000): string {
    return this.programs.map(({ name, log }) => `===== ${name}\n${log.slice(-charactersEach)}`).join('\n');
  }

  /** Ends all processes, by SIGKILL, and the database; removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
    await Promise.all([this.database.close(), this.redis?.close()]);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    this.undertaker.stdin?.end();
  }
}

function replicas(wanted: number | readonly Record<string, string>[]): readonly Record<string, string>[] {
  return typeof wanted === 'number' ? Array.from({ length: wanted }, () => ({})) : wanted;
}

function pick(processes: readonly ClusterProcess[], index: number): ClusterProcess {
  const process = processes[index];
  if (process === undefined) throw new Error(`the cluster has no process ${index} of that kind`);
  return process;
}
