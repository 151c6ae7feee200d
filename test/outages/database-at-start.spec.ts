import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { quietPort } from '../support/quiet-port.js';
import { startRelay } from '../support/relay.js';
import { TEST_TOKEN } from '../support/settings.js';
import { expectRecovery, pids } from './recovery.js';

let cluster: Cluster;
const programs: Program[] = [];

beforeAll(async () => {
  cluster = await Cluster.start({ up: [] });
}, 90_000);
afterAll(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await cluster.close();
});

interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

async function fetched(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}

describe('programs that are started while the database is away', () => {
  it('live, say that they are not ready, refuse the rest, and come up by themselves', async () => {
    await cluster.database.stopImmediately();
    const homes = new Map<string, string>();
    for (const program of cluster.programs) {
      const port = await quietPort();
      const isApi = program.name.startsWith('api');
      program.start({ [isApi ? 'PORT' : 'WORKER_PORT']: String(port) });
      homes.set(program.name, `http://127.0.0.1:${port}${isApi ? '/api' : ''}/health`);
    }
    for (const [name, health] of homes) {
      await eventually(
        `${name} lives`,
        async () =>
          fetched(`${health}/live`).then(
            ({ status }) => status === 200,
            () => false,
          ),
        60_000,
      );
      for (const path of [health, `${health}/ready`]) {
        const { status, body } = await fetched(path);
        expect([path, status, body]).toMatchObject([path, 503, { ok: false, db: { ok: false }, queue: { ok: false } }]);
      }
    }
    const api = homes.get('api-0')!.replace('/health', '');
    for (const [method, path] of [
      ['POST', '/execution/start'],
      ['POST', '/execution/stop'],
      ['GET', '/runs?limit=1'],
    ] as const) {
      const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'x-request-id': 'mine' };
      const refused = await fetched(`${api}${path}`, { method, headers });
      expect(refused).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE', requestId: 'mine' } });
      expect([refused.headers.get('retry-after'), refused.headers.get('x-request-id')]).toEqual(['1', 'mine']);
    }
    for (const { log } of cluster.programs) {
      expect(log).toContain('waiting for the database');
      expect(log).toContain('ECONNREFUSED');
    }

    const before = pids(cluster);
    await cluster.database.restart();
    await cluster.waitReady();
    await expectRecovery(cluster);
    expect(pids(cluster)).toEqual(before);
    expect(cluster.api().url).toBe(api.replace('/api', '')); // the port that was open from the beginning
  }, 240_000);

  it('come up also when they lose it again in the middle of their start', async () => {
    await cluster.database.restart();
    const relay = await startRelay(cluster.database.url);
    try {
      const starting = (['api', 'worker', 'api'] as const).map((kind) => ({
        program: launch(kind, { DATABASE_URL: relay.url }),
        path: kind === 'api' ? '/api/health/ready' : '/health/ready',
      }));
      // Again and again, so that it hits every step of a start on machines fast and slow.
      for (let round = 0; round < 15; round++) {
        await delay(350);
        await relay.become('cut');
        await delay(50);
        await relay.become('open');
      }
      for (const { program, path } of starting) {
        const address = await eventually('it listens', () => addressIn(program), 60_000);
        await eventually('it is ready', async () => (await fetched(address + path)).status === 200, 60_000);
      }
      // Nest and BullMQ print errors of a start that is given up; that of a process would be another matter.
      expect(starting.map(({ program }) => program.err).join('')).not.toMatch(/uncaught|unhandled|triggerUncaught/i);
    } finally {
      await relay.become('cut');
    }
  }, 240_000);

  it('can be told to end meanwhile', async () => {
    const waiting = launch('worker', { DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' });
    await eventually('it waits', () => waiting.out.includes('waiting for the database'), 30_000);
    waiting.kill('SIGTERM');
    expect([await waiting.exit(), waiting.err]).toEqual([0, '']);
  });
});

describe('a database that refuses a program', () => {
  const address = (change: (url: URL) => void): string => {
    const url = new URL(cluster.database.url);
    change(url);
    return url.href;
  };

  it.each([
    ['a wrong password', (url: URL) => (url.password = 'wrong'), 'password authentication failed'],
    ['an unknown database', (url: URL) => (url.pathname = '/nowhere'), 'database "nowhere" does not exist'],
    ['one that is not migrated', (url: URL) => (url.pathname = '/postgres'), 'Run: npm run db:migrate'],
  ])('by %s is told, and ends it with 78', async (_, change, sentence) => {
    await cluster.database.restart();
    const refused = launch('api', { DATABASE_URL: address(change) });
    expect([await refused.exit(), refused.err]).toEqual([78, expect.stringContaining(sentence)]);
    expect(refused.err).not.toContain('    at ');
  });
});

/** The address that the program says it listens at. */
const addressIn = ({ out }: Program): string | undefined => /"address":"(http[^"]+)"/.exec(out)?.[1];

function launch(kind: 'api' | 'worker', environment: Record<string, string>): Program {
  const started = new Program(`dist/apps/${kind}/main.js`, {
    INTERLOCK_HOME: cluster.folder,
    PORT: '0',
    WORKER_PORT: '0',
    ADMIN_API_TOKEN: TEST_TOKEN,
    SHUTDOWN_GRACE_MS: '500',
    ...environment,
  });
  programs.push(started);
  return started;
}
