import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { quietPort } from './quiet-port.js';

const BINARY = 'redis-server';

/** Its title stays what it was started with, so that the undertaker knows it by its folder. */
const OWN_OPTIONS = ['--logfile', 'redis.log', '--set-proc-title', 'no'];

interface RedisOptions {
  /** As on the command line. */
  options?: readonly string[];
  /** Lines of a sentinel's configuration, which it rewrites as it learns; makes the server one. */
  sentinel?: readonly string[];
}

/** A cluster's member also listens 10000 above its port, where that must be quiet as well. */
function quietClusterPort(): Promise<number> {
  return quietPort(11_000, 19_000);
}

/** A Redis of a test's own, which can be killed, emptied and filled, and comes back at the same address. */
export class RedisServer {
  private child: ChildProcess | undefined;
  private exited: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly commandLine: readonly string[],
    private readonly onSpawn: (pid: number) => void,
    private readonly onClose: () => Promise<void>,
    private readonly admin: Redis,
  ) {}

  /** Starts one in a folder of its own, which ends with the test process, however that ends. */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'interlock-redis-')));
    const undertaker = spawn(process.execPath, ['test/support/cluster-undertaker.js', folder], {
      stdio: ['pipe', 'ignore', 'inherit'],
      detached: true, // a terminal's Ctrl-C is meant for the tests; this one acts after them
    });
    const close = async (): Promise<void> => {
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
      undertaker.stdin.end();
    };
    return RedisServer.startIn(folder, (pid) => undertaker.stdin.write(`${pid}\n`), { ...options, onClose: close });
  }

  /** Starts one in a folder whose owner sees to the end of the processes that `onSpawn` tells of. */
  static async startIn(
    folder: string,
    onSpawn: (pid: number) => void,
    {
      options = [],
      sentinel,
      onClose = () => Promise.resolve(),
    }: RedisOptions & { onClose?: () => Promise<void> } = {},
  ): Promise<RedisServer> {
    const port = await (options.includes('--cluster-enabled') ? quietClusterPort() : quietPort());
    const admin = new Redis({
      port,
      lazyConnect: true,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      commandTimeout: 10_000,
      disconnectTimeout: 100,
    });
    admin.on('error', () => undefined); // it is killed on purpose
    const commandLine = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...OWN_OPTIONS, ...options];
    if (sentinel === undefined) commandLine.push('--appendonly', 'yes', '--save', '');
    else {
      await writeFile(join(folder, 'sentinel.conf'), sentinel.map((line) => `${line}\n`).join(''));
      commandLine.unshift(join(folder, 'sentinel.conf'), '--sentinel');
    }
    const server = new RedisServer(port, folder, commandLine, onSpawn, onClose, admin);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  get isUp(): boolean {
    return this.child !== undefined;
  }

  command(name: string, ...values: (string | number)[]): Promise<unknown> {
    return this.admin.call(name, ...values);
  }

  /** Loses everything that it holds. */
  async empty(): Promise<void> {
    await this.command('FLUSHALL');
  }

  /** From now on it takes nothing new. */
  async fill(): Promise<void> {
    await this.command('CONFIG', 'SET', 'maxmemory', 1);
  }

  async makeRoom(): Promise<void> {
    await this.command('CONFIG', 'SET', 'maxmemory', 0);
  }

  /** SIGKILL; what it held is gone unless it was written to the disk. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    await this.exited;
  }

  /** SIGSTOP: connections stay, and nothing comes back. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Starts it again at the same address, when it does not run; resolves when it answers. */
  async restart(): Promise<void> {
    if (this.child !== undefined) return this.thaw();
    const child = spawn(BINARY, this.commandLine, { stdio: 'ignore', cwd: this.folder });
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    this.exited = once(child, 'exit');
    if (child.pid !== undefined) this.onSpawn(child.pid);
    await eventually('Redis answers', () => this.command('PING'));
  }

  async close(): Promise<void> {
    this.admin.disconnect();
    await this.kill();
    await this.onClose();
  }
}
