import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { type EmbeddedServer, findEmbeddedServer, startEmbeddedServer } from './index.js';
import { isServerOf, runningServer } from './server-process.js';

const BUILT = new URL('../../../../dist/libs/persistence/src/embedded/index.js', import.meta.url);
const asRoot = process.getuid?.() === 0;

let folder: string;
let home: string;
const servers: EmbeddedServer[] = [];
const processes: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'interlock embedded '));
  chmodSync(folder, 0o755);
  home = join(folder, 'home with spaces');
});

afterEach(async () => {
  for (const pid of processes.splice(0)) tryToKill(pid);
  await Promise.all(servers.splice(0).map((server) => server.stop(2_000)));
  if (existsSync(join(home, 'postgres'))) {
    const left = runningServer(realpathSync(join(home, 'postgres')));
    if (left) tryToKill(left.pid);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

/** Settings of every server here: quick rather than durable, and nothing outside the test's own folder. */
function testOptions() {
  return { settings: { fsync: 'off', full_page_writes: 'off' }, sharedFolder: join(folder, 'shared') };
}

async function start(options: Parameters<typeof startEmbeddedServer>[1] = {}): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer(home, { ...testOptions(), ...options });
  servers.push(server);
  return server;
}

describe('the first start', () => {
  it('makes a database that speaks UTF-8, listens on 127.0.0.1 only and asks for the password', async () => {
    const server = await start();
    const [row] = await query(
      server.connectionString,
      `SELECT current_database() AS name, pg_encoding_to_char(encoding) AS encoding, datcollate,
              current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets
         FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({ name: 'interlock', encoding: 'UTF8', datcollate: 'C', addresses: '127.0.0.1', sockets: '' });
    expect(server.reused).toBe(false);

    const wrong = new URL(server.connectionString);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(home, 'postgres-password')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(home, 'postgres.log'), 'utf8')).not.toContain(new URL(server.connectionString).password);
  });

  it('does not depend on the locale of the environment', async () => {
    const child = startInChild({ LANG: 'xx_YY.bogus', LC_ALL: 'tr_TR.ISO-8859-9', LC_CTYPE: 'nonsense' });
    const { connectionString } = await child.started;
    const [row] = await query(connectionString, `SELECT lower('TITLE') AS lower, upper('straße') AS upper`);
    expect(row?.['lower']).toBe('title');
  });

  it('works with a umask that hides everything', async () => {
    const child = startInChild({}, 'process.umask(0o077);');
    expect(await query((await child.started).connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is made once when two processes start at the same moment', async () => {
    const [first, second] = await Promise.all([startInChild().started, startInChild().started]);
    expect(second.pid).toBe(first.pid);
    expect([first.reused, second.reused].filter(Boolean)).toHaveLength(1);
  });

  it('ends at once when it is aborted, leaving nothing half made', async () => {
    for (const afterMs of [0, 100, 400]) {
      const controller = new AbortController();
      const starting = start({ signal: controller.signal });
      starting.catch(() => undefined);
      await delay(afterMs);
      controller.abort(new Error('asked to stop'));
      const begin = Date.now();
      await expect(starting).rejects.toThrow('asked to stop');
      expect(Date.now() - begin).toBeLessThan(4_000);
      expect(runningServer(join(home, 'postgres'))).toBeNull();
      expect(readdirSync(home).filter((name) => name.includes('new-'))).toEqual([]);
    }
    expect(await query((await start()).connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a later start', () => {
  it('finds the data of the one before', async () => {
    const first = await start();
    await query(first.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await first.exited;
    expect(await findEmbeddedServer(home)).toBeNull();

    const second = await start();
    expect(second.reused).toBe(false);
    expect(await query(second.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes the port that is asked for', async () => {
    const first = await start();
    await first.stop();
    const second = await start({ port: first.port });
    expect(second.connectionString).toBe(first.connectionString);
  });

  it('sets a new password when the file with the old one was deleted', async () => {
    const first = await start();
    await first.stop();
    rmSync(join(home, 'postgres-password'));
    const second = await start();
    expect(second.connectionString).not.toBe(first.connectionString);
    expect(await query(second.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('says so when the folder holds something else', async () => {
    mkdirSync(join(home, 'postgres'), { recursive: true });
    writeFileSync(join(home, 'postgres', 'letter.txt'), 'Dear all');
    await expect(start()).rejects.toThrow(/holds files, but is no PostgreSQL database/);
    expect(readdirSync(join(home, 'postgres'))).toEqual(['letter.txt']);
  });

  it('shows the end of the log when the server cannot start', async () => {
    const first = await start();
    await first.stop();
    writeFileSync(join(home, 'postgres', 'PG_VERSION'), '9\n');
    await expect(start()).rejects.toThrow(/did not start[^]*initialized by PostgreSQL version 9/);
  });
});

describe('after a crash', () => {
  it('finds and reuses the server that a killed process left behind', async () => {
    const child = startInChild();
    const orphan = await child.started;
    await query(orphan.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await child.kill();
    expect(await findEmbeddedServer(home)).toBe(orphan.connectionString);

    const server = await start();
    expect(server).toMatchObject({ pid: orphan.pid, port: orphan.port, reused: true });
    expect(await query(server.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await server.stop();
    await server.exited;
    expect(isServerOf(orphan.pid, server.dataFolder)).toBe(false);
  });

  it('replaces a left-over server that is frozen', async () => {
    const child = startInChild();
    const orphan = await child.started;
    await child.kill();
    process.kill(orphan.pid, 'SIGSTOP');
    const server = await start();
    expect(server.reused).toBe(false);
    expect(server.pid).not.toBe(orphan.pid);
  });

  it('starts although the killed server left its lock file', async () => {
    const first = await start();
    await query(first.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(existsSync(join(home, 'postgres', 'postmaster.pid'))).toBe(true);
    expect(await findEmbeddedServer(home)).toBeNull();
    const second = await start();
    expect(await query(second.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is not locked out by a lock file whose pid belongs to another program now', async () => {
    const first = await start();
    const lockFile = join(home, 'postgres', 'postmaster.pid');
    const content = readFileSync(lockFile, 'utf8');
    const owner = statSync(lockFile);
    await first.stop();
    // PostgreSQL itself would be kept out only by a process of the same account.
    const sleeper = spawn('sleep', ['60'], { stdio: 'ignore', uid: owner.uid, gid: owner.gid });
    processes.push(sleeper.pid ?? 0);
    writeFileSync(lockFile, content.replace(/^\d+/, String(sleeper.pid)));
    chownSync(lockFile, owner.uid, owner.gid);

    expect(await findEmbeddedServer(home)).toBeNull();
    const second = await start();
    expect(second.reused).toBe(false);
    expect(sleeper.exitCode).toBeNull();
  });

  it('makes the database anew when the making was killed', async () => {
    const child = startInChild();
    child.started.catch(() => undefined);
    const halfMade = () => readdirOrNone(home).some((name) => name.startsWith('postgres.new-'));
    await until(halfMade);
    await child.kill();
    expect(existsSync(join(home, 'postgres'))).toBe(false);

    const server = await start();
    expect(await query(server.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(halfMade()).toBe(false);
  });
});

(asRoot ? describe : describe.skip)('as root', () => {
  it('runs under another account', async () => {
    const server = await start();
    expect(statSync(server.dataFolder).uid).not.toBe(0);
    expect(readFileSync(`/proc/${server.pid}/status`, 'utf8')).not.toMatch(/^Uid:\s+0\b/m);
  });

  it('keeps the data elsewhere when that account cannot enter the home folder, and finds them again', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    home = join(closed, 'home');
    const messages: string[] = [];
    const first = await start({ onProgress: (message) => messages.push(message) });
    expect(first.dataFolder.startsWith(join(folder, 'shared'))).toBe(true);
    expect(realpathSync(join(home, 'postgres'))).toBe(first.dataFolder);
    expect(messages.join('\n')).toMatch(/keeping the data in .* since the account \w+ cannot enter/);
    expect(statSync(closed).mode & 0o777).toBe(0o700);
    await query(first.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await findEmbeddedServer(home)).toBe(first.connectionString);
    await first.stop();

    const second = await start();
    expect(second.dataFolder).toBe(first.dataFolder);
    expect(await query(second.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('serves an ordinary user too, and tells another one whose database it is', async () => {
    const uid = 65534;
    mkdirSync(home);
    chownSync(home, uid, uid);
    const { connectionString } = await startInChild({}, `process.setgid(${uid}); process.setuid(${uid});`).started;
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(statSync(join(home, 'postgres')).uid).toBe(uid);

    const other = startInChild({}, 'process.setgid(1); process.setuid(1);');
    await expect(other.started).rejects.toThrow(/belongs to (another account|the account)/);
  });
});

interface Started {
  connectionString: string;
  pid: number;
  port: number;
  reused: boolean;
}

/** Starts the server from another Node process, which can then be killed; `prelude` runs in it first. */
function startInChild(env: Record<string, string> = {}, prelude = '') {
  const program = `${prelude}
    const { startEmbeddedServer } = await import(${JSON.stringify(BUILT.href)});
    const server = await startEmbeddedServer(${JSON.stringify(home)}, ${JSON.stringify(testOptions())});
    console.log(JSON.stringify(server));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  processes.push(child.pid ?? 0);
  let output = '';
  const started = new Promise<Started>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString())));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('close', () => reject(new Error(output)));
  });
  const kill = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return { started, kill };
}

async function query(connectionString: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('The condition did not come true in time.');
    await delay(5);
  }
}

function readdirOrNone(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function tryToKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}
