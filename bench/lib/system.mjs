import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client, Pool } from 'pg';
import { migrate, seed } from '../../scripts/lib/database.mjs';
import { built } from '../../scripts/lib/environment.mjs';
import { Refusal } from '../../scripts/lib/refusal.mjs';
import { endGroup } from '../../scripts/lib/run-command.mjs';
import { orStop } from '../../scripts/lib/stop-requests.mjs';
import { Program } from './program.mjs';

export const TOKEN = 'bench-token-bench-token';
export const HEADERS = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

/** A database, a queue and programs of a benchmark's own, in a temporary folder, with the settings that users get but for limits. */
export class System {
  #programs = [];
  #server;
  #redis;
  #redisClient;

  /** @param context `software` gets the version of the database */
  static async open({ signal, backend, profile, software }) {
    const system = new System(signal, backend, profile);
    try {
      await system.#open();
      const [{ server_version: version }] = await system.query('SHOW server_version');
      software.postgres = version;
    } catch (error) {
      await system.close();
      throw error;
    }
    return system;
  }

  constructor(signal, backend, profile) {
    this.signal = signal;
    this.backend = backend;
    this.nodeOptions = profile ? ['--cpu-prof', `--cpu-prof-dir=${process.cwd()}`] : [];
    this.folder = mkdtempSync(join(tmpdir(), 'interlock-bench-'));
  }

  async #open() {
    chmodSync(this.folder, 0o755); // as root, the server runs under another account
    const { startEmbeddedServer } = await import(built('libs/persistence/src/embedded/index.js'));
    this.#server = await startEmbeddedServer(this.folder, { signal: this.signal });
    this.url = this.#server.connectionString;
    await orStop(this.signal, migrate(this.url));
    await orStop(this.signal, seed(this.url));
    this.pool = new Pool({ connectionString: this.url, max: 4 });
    this.pool.on('error', () => undefined);
    if (this.backend === 'redis') await this.#startRedis();
    this.environment = {
      PATH: process.env.PATH,
      HOME: this.folder,
      INTERLOCK_HOME: this.folder,
      DATABASE_URL: this.url,
      QUEUE_BACKEND: this.backend,
      ...(this.redisUrl && { REDIS_URL: this.redisUrl }),
      ADMIN_API_TOKEN: TOKEN,
      PORT: '0',
      WORKER_PORT: '0',
      // What is judged by these limits is judged here too, but never refused.
      HTTP_RATE_LIMIT_PER_MIN: '10000000',
      HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN: '10000000',
      QUEUE_MAX_WAITING: '1000000',
    };
  }

  /** As Redis is to be run for queues: `noeviction`, append-only file, flushed once a second. */
  async #startRedis() {
    const port = await freePort();
    const args = ['--port', port, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--appendonly', 'yes'];
    this.#redis = spawn('redis-server', [...args, '--maxmemory-policy', 'noeviction'].map(String), {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    await new Promise((resolve, reject) => {
      this.#redis.once('spawn', resolve);
      this.#redis.once('error', () => reject(new Refusal('redis-server is not installed, or not in the PATH.')));
    });
    this.redisUrl = `redis://127.0.0.1:${port}`;
    this.#redisClient = new Redis(this.redisUrl, { maxRetriesPerRequest: null });
    this.#redisClient.on('error', () => undefined); // until it listens
    await orStop(this.signal, this.#redisClient.ping());
  }

  /** Starts an api or a worker and waits until it is ready. */
  async start(kind, environment = {}) {
    const program = this.#spawn(
      kind,
      `dist/apps/${kind}/main.js`,
      environment,
      {
        api: '/api/health/ready',
        worker: '/health/ready',
      }[kind],
    );
    await program.ready(this.signal);
    return program;
  }

  /** Starts a program of bench/floors and waits until it listens. */
  async startFloor(name, environment = {}) {
    const program = this.#spawn(name, `bench/floors/${name}.mjs`, environment, '/ready');
    await program.ready(this.signal);
    return program;
  }

  #spawn(name, script, environment, readyPath) {
    const env = { ...this.environment, ...environment };
    const program = new Program(name, script, { folder: this.folder, env, readyPath, nodeOptions: this.nodeOptions });
    this.#programs.push(program);
    return program;
  }

  /** The pids of all that runs by name; the database's children belong to it. */
  processes() {
    const programs = this.#programs.map(({ name, pid }) => [name, pid]);
    return Object.fromEntries([...programs, ['database (largest process)', this.#server.pid]]);
  }

  async query(text, values) {
    const { rows } = await orStop(this.signal, this.pool.query(text, values));
    return rows;
  }

  /** Makes another migrated database on the server. @returns its address */
  async makeDatabase(name) {
    await this.query(`CREATE DATABASE ${name}`);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    await orStop(this.signal, migrate(url.href));
    await orStop(this.signal, seed(url.href));
    return url.href;
  }

  /** Vacuums and analyses a database of the server, however long that takes. */
  async vacuum(url) {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await orStop(this.signal, client.query('VACUUM ANALYZE'));
    } finally {
      await client.end();
    }
  }

  /** Empties every queue. */
  async forgetJobs() {
    if (this.backend === 'redis') {
      await orStop(this.signal, this.#redisClient.flushall());
      return;
    }
    const tables = await this.query(`SELECT format('bullmq.%I', tablename) AS name FROM pg_tables
                                     WHERE schemaname = 'bullmq' AND tablename LIKE '%job%'`);
    await this.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')} CASCADE`);
  }

  /** Ends everything and removes the folder. */
  async close() {
    await Promise.all(this.#programs.map((program) => program.stop()));
    await this.pool?.end();
    this.#redisClient?.disconnect();
    if (this.#redis?.pid !== undefined) await endGroup(this.#redis, 2_000);
    const dataFolder = this.#server?.dataFolder;
    await this.#server?.stop(2_000);
    for (const folder of [dataFolder, this.folder]) {
      if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  }
}

/** Does work with a system of its own, and ends it. */
export async function withSystem(context, work) {
  const system = await System.open(context);
  try {
    return await work(system);
  } finally {
    await system.close();
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
