import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { quietPort } from '../support/quiet-port.js';

const TOOLS = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'pg_basebackup', 'createdb'];
const DEBIAN = '/usr/lib/postgresql';
/** The account `nobody`: PostgreSQL refuses to run as root. */
const NOBODY = 65_534;

/** The folder with all of PostgreSQL's own tools, 15 or later, of one version; undefined where they are not installed. */
export function findTools(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).filter((name) => Number(name) >= 15) : [];
  const folders = [
    ...versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.find((folder) => TOOLS.every((tool) => existsSync(join(folder, tool))));
}

/** A PostgreSQL server of the system's own installation, as an operator runs it. */
export class SystemServer {
  private constructor(
    private readonly tools: string,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  /** @param folder its parent must be open to others */
  static async make(tools: string, folder: string): Promise<SystemServer> {
    mkdirSync(folder);
    if (isRoot()) chownSync(folder, NOBODY, NOBODY);
    await run(tools, 'initdb', [
      '-D',
      folder,
      '-U',
      'interlock',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '-N',
    ]);
    return SystemServer.start(tools, folder);
  }

  /** Starts a server on a folder that is there, such as a base backup. */
  static async start(tools: string, folder: string): Promise<SystemServer> {
    const port = await quietPort();
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=200'];
    const args = ['-D', folder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    const child = spawn(join(tools, 'postgres'), args, { ...account(), stdio: 'ignore' });
    const server = new SystemServer(tools, port, child);
    await eventually('the server answers', () => server.answers(), 60_000);
    return server;
  }

  url(database: string): string {
    return `postgres://interlock@127.0.0.1:${this.port}/${database}`;
  }

  /** Runs a tool of the same version against the server. */
  async tool(name: string, args: readonly string[]): Promise<void> {
    await run(this.tools, name, ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'interlock', ...args]);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    if (this.child.exitCode === null && this.child.kill('SIGINT')) await ended;
  }

  private async answers(): Promise<boolean> {
    const client = new Client({ connectionString: this.url('postgres') });
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function run(tools: string, name: string, args: readonly string[]): Promise<unknown> {
  return promisify(execFile)(join(tools, name), args, { ...account(), env: { LC_ALL: 'C' } });
}

function account(): { uid?: number; gid?: number } {
  return isRoot() ? { uid: NOBODY, gid: NOBODY } : {};
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
