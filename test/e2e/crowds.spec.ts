import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { seedDatabase } from '../../apps/cli/seed-database.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { TEST_TOKEN } from '../support/settings.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const HEAD = `host: x\r\nauthorization: Bearer ${TEST_TOKEN}\r\ncontent-type: application/json\r\n`;
/** What each of many connections of a test may take, as far as this system lets a process open files. */
const CROWD = Math.max(100, Math.min(5_000, openFiles() - 700));

let database: TestDatabase;
let home: string;
const programs: Program[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  database = await createTestDatabase();
  await seedDatabase(database.url);
  home = await mkdtemp(join(tmpdir(), 'interlock-crowd-'));
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
});
afterAll(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await database.drop();
  await rm(home, { recursive: true });
});

function openFiles(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024);
  } catch {
    return 1_024;
  }
}

async function start(name: 'api' | 'worker', environment: Record<string, string> = {}) {
  const program = new Program(`dist/apps/${name}/main.js`, {
    NODE_ENV: 'test',
    INTERLOCK_HOME: home,
    DATABASE_URL: database.url,
    ADMIN_API_TOKEN: TEST_TOKEN,
    PORT: '0',
    WORKER_PORT: '0',
    HTTP_RATE_LIMIT_PER_MIN: '0',
    QUEUE_MAX_WAITING: '0',
    ...environment,
  });
  programs.push(program);
  const url = await program.address();
  return { program, url, port: Number(new URL(url).port) };
}

interface Connection {
  readonly socket: Socket;
  connected: boolean;
  closed: boolean;
  received: string;
}

function open(port: number, bytes = ''): Connection {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  const connection = { socket, connected: false, closed: false, received: '' };
  socket.on('connect', () => (connection.connected = true));
  socket.on('data', (chunk: Buffer) => (connection.received += chunk.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    connection.closed = true;
    sockets.delete(socket);
  });
  if (bytes !== '') socket.write(bytes);
  return connection;
}

/** Opened a few hundred at a time, so that the system's own queue of them does not overflow. */
async function openMany(port: number, count: number, bytes = ''): Promise<Connection[]> {
  const all: Connection[] = [];
  while (all.length < count) {
    const some = Array.from({ length: Math.min(250, count - all.length) }, () => open(port, bytes));
    all.push(...some);
    await eventually('they are connected', () => some.every(({ connected, closed }) => connected || closed), 30_000);
  }
  return all;
}

async function metric(url: string, series: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

/** The strategy's runs that wait. */
async function runsOf(strategy: string): Promise<number> {
  const probe = new Client({ connectionString: database.url });
  await probe.connect();
  const { rows } = await probe.query<{ runs: number }>(
    `SELECT count(*)::int AS runs FROM runs WHERE strategy = $1 AND status = 'QUEUED'`,
    [strategy],
  );
  await probe.end();
  return rows[0]?.runs ?? -1;
}

const live = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

describe.each([
  ['api', '/api/health/live', '/api/health'],
  ['worker', '/health/live', '/health'],
] as const)('the %s with a crowd at its port', (name, livePath, healthPath) => {
  it(`answers beside ${CROWD} idle connections, and ends quickly`, async () => {
    const { program, url, port } = await start(name);
    // Half of them never say anything, half have been answered once.
    const half = Math.floor(CROWD / 2);
    await openMany(port, half);
    const answered = await openMany(port, half, live(livePath));
    await eventually('all are answered', () => answered.every(({ received }) => received.includes('200 OK')), 30_000);
    const begun = performance.now();
    expect((await fetch(url + healthPath)).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(5_000);
    const limit = await metric(url, 'interlock_http_connections_limit');
    expect(await metric(url, 'interlock_http_connections{state="idle"}')).toBeLessThanOrEqual(limit);

    const asked = performance.now();
    program.kill('SIGTERM');
    expect(await program.exit()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(7_000); // SHUTDOWN_GRACE_MS, which nothing waits for here, is 8 s
  }, 120_000);
});

describe('HTTP_MAX_CONNECTIONS', () => {
  it('closes who is idle for longest, and refuses only while all are at work', async () => {
    const { url, port } = await start('api', { HTTP_MAX_CONNECTIONS: '10' });
    const idle = await openMany(port, 30);
    await eventually('there are ten', () => idle.filter(({ closed }) => !closed).length <= 10);
    expect(idle.slice(0, 20).every(({ closed }) => closed)).toBe(true);
    const stop = await fetch(`${url}/api/execution/stop`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ scope: 'mode:live' }),
    });
    expect(stop.status).toBe(200);

    const half = `POST /api/execution/start HTTP/1.1\r\n${HEAD}content-length: 11\r\n\r\n{`;
    const busy: Connection[] = [];
    const attempt = async () => {
      // As many as there are places, and some: what waits for the rest of its body is at work.
      busy.push(...(await openMany(port, 12, half)));
      const one = open(port, live('/api/health/live'));
      await eventually('it is answered', () => one.received !== '' || one.closed);
      return one.received.startsWith('HTTP/1.1 503') ? one : undefined;
    };
    const refused = await eventually('one is refused', attempt, 40_000);
    expect(refused.received).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused.received).toContain('retry-after: 1\r\n');
    expect(JSON.parse(refused.received.slice(refused.received.indexOf('{')))).toMatchObject({
      ok: false,
      code: 'OVERLOADED',
    });
    for (const { socket } of busy) socket.destroy();
    await eventually('there is room again', async () => (await fetch(`${url}/api/health/live`)).ok);
    expect(await metric(url, 'interlock_http_connections_closed_total{reason="idle"}')).toBeGreaterThanOrEqual(20);
  }, 60_000);
});

describe('a flood of starts', () => {
  it('K2 with the same token does not hold the kill switch', async () => {
    const { url, port } = await start('api', { HTTP_RATE_LIMIT_PER_MIN: '2000' });
    const body = JSON.stringify({ strategy: 'flood' });
    const request = `POST /api/execution/start HTTP/1.1\r\n${HEAD}content-length: ${body.length}\r\n\r\n${body}`;
    const floods = await openMany(port, 100);
    let flooding = true;
    let answers = 0;
    for (const { socket } of floods) {
      socket.on('data', (bytes: Buffer) => {
        answers += bytes.toString().split('HTTP/1.1 ').length - 1;
        if (flooding) socket.write(request);
      });
      socket.write(request);
    }
    // Turned on and off while starts are accepted, and again once nothing but refusals comes.
    const turn = async (enabled: boolean) => {
      const begun = performance.now();
      const answer = await fetch(`${url}/api/execution/stop`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ scope: 'strategy:flood', enabled }),
      });
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"ok":true')]);
      expect(performance.now() - begun).toBeLessThan(10_000);
    };
    const limited = () => metric(url, 'interlock_http_rate_limited_total{by="token"}');
    for (let round = 0; round < 5; round++) {
      await turn(true);
      await turn(false);
    }
    await eventually('the flood is over its limit', async () => (await limited()) > 500, 60_000);
    for (let round = 0; round < 5; round++) {
      await turn(true);
      await turn(false);
    }
    flooding = false;
    expect(answers).toBeGreaterThan(2_000);
    expect(await metric(url, 'interlock_http_rate_limited_total{by="switch"}')).toBe(0);
  }, 120_000);
});

describe('a burst of starts', () => {
  it(`of ${CROWD} at once is answered 202 or 503 each, in bounded time and memory`, async () => {
    const { url, port } = await start('api');
    const body = JSON.stringify({ strategy: 'burst', notes: 'x'.repeat(1_000) });
    const request = `POST /api/execution/start HTTP/1.1\r\n${HEAD}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
    const connections = await openMany(port, CROWD);
    const begun = performance.now();
    for (const { socket } of connections) socket.write(request);
    await eventually('each is answered', () => connections.every(({ closed }) => closed), 60_000);
    expect(performance.now() - begun).toBeLessThan(45_000);

    const refusals = connections.map(({ received }) => /"code":"(\w+)"/.exec(received)?.[1]);
    const statuses = connections.map(({ received }) => /^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);
    expect([...new Set(statuses)].filter((status) => status !== '202' && status !== '503')).toEqual([]);
    const accepted = statuses.filter((status) => status === '202').length;
    expect(accepted).toBeGreaterThan(0);
    // R2: of what was refused there is no run that could execute; of what nobody knows, there may be.
    const unknown = refusals.filter((code) => code === 'OUTCOME_UNKNOWN').length;
    const runs = await runsOf('burst');
    expect(runs).toBeGreaterThanOrEqual(accepted);
    expect(runs).toBeLessThanOrEqual(accepted + unknown);
    expect(await metric(url, 'interlock_process_memory_bytes{kind="resident"}')).toBeLessThan(700e6);
    const overloaded = refusals.filter((code) => code === 'OVERLOADED').length;
    expect(await metric(url, 'interlock_http_overloaded_total{kind="token"}')).toBe(overloaded);
    expect(await metric(url, 'interlock_http_requests_present{kind="token",state="working"}')).toBe(0);
    expect(await metric(url, 'interlock_http_requests_present{kind="token",state="waiting"}')).toBe(0);
  }, 120_000);
});
