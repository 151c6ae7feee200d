import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { eventually } from '../support/eventually.js';
import { Program } from '../support/program.js';
import { startRelay } from '../support/relay.js';
import { AUTHORIZED } from '../support/test-api.js';
import { TEST_TOKEN } from '../support/settings.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let home: string;
const programs: Program[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  home = await mkdtemp(join(tmpdir(), 'interlock-api-'));
});
afterAll(async () => {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all(programs.map((program) => program.exit()));
  await database.drop();
  await rm(home, { recursive: true });
});

function startApi(environment: Record<string, string>): Program {
  const program = new Program('dist/apps/api/main.js', {
    INTERLOCK_HOME: home,
    PORT: '0',
    ADMIN_API_TOKEN: TEST_TOKEN,
    ...environment,
  });
  programs.push(program);
  return program;
}

describe('the api as a program', () => {
  it.each([
    ['a wrong setting', { PORT: '70000' }, 'PORT must be a whole number from 0 to 65535'],
    ['no database to be found', {}, 'npm start'],
  ])('ends with 78 for %s and says what to do', async (_, environment, sentence) => {
    const api = startApi(environment);
    expect(await api.exit()).toBe(78);
    expect(api.err).toContain(sentence);
    expect(api.err).not.toContain('    at ');
  });

  it('ends with 78 on a database that is not migrated', async () => {
    const empty = await createTestDatabase();
    try {
      const client = new Client({ connectionString: empty.url });
      await client.connect();
      await client.query('DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)');
      await client.end();
      const api = startApi({ DATABASE_URL: empty.url });
      expect(await api.exit()).toBe(78);
      expect(api.err).toContain('Run: npm run db:migrate');
    } finally {
      await empty.drop();
    }
  });

  it('ends with 69 when its port is taken, naming PORT', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    const port = await eventually('the other listens', () => (other.address() as AddressInfo | null)?.port);
    const api = startApi({ DATABASE_URL: database.url, PORT: String(port) });
    expect(await api.exit()).toBe(69);
    expect(api.err).toMatch(/^The api cannot listen on port \d+ of 127\.0\.0\.1: something else uses it\. PORT .*\n$/);
    other.close();
  });

  it('waits for its database, and can be ended meanwhile', async () => {
    const relay = await startRelay(database.url);
    await relay.become('cut');
    const [patient, ended] = [startApi({ DATABASE_URL: relay.url }), startApi({ DATABASE_URL: relay.url })];
    for (const api of [patient, ended])
      await eventually('it waits', () => api.out.includes('waiting for the database'), 30_000);
    ended.kill('SIGTERM');
    expect([await ended.exit(), ended.err]).toEqual([0, '']);

    await relay.become('open');
    expect((await fetch(`${await patient.address()}/api/health/ready`)).status).toBe(200);
    patient.kill('SIGINT');
    expect(await patient.exit()).toBe(0);
    expect(patient.out).not.toContain(new URL(database.url).password);
    await relay.become('cut');
  });

  it('finishes what is under way when told to end, and is not disturbed by being told again', async () => {
    const api = startApi({ DATABASE_URL: database.url });
    const port = Number(new URL(await api.address()).port);
    const socket = connect(port, '127.0.0.1');
    const answer = text(socket);
    const body = '{"input":{"dataset":"no-such"}}';
    socket.write(
      `POST /api/execution/start HTTP/1.1\r\nhost: x\r\nauthorization: ${AUTHORIZED.authorization}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await eventually('the server has the beginning', async () => {
      // Answered after our half request has been taken from the same port.
      return (await fetch(`http://127.0.0.1:${port}/api/health/live`)).ok;
    });
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) api.kill(signal);
    await eventually('it takes no more connections', () =>
      fetch(`http://127.0.0.1:${port}/api/health/live`).then(
        () => false,
        () => true,
      ),
    );
    socket.write(body.slice(5));
    expect(await answer).toContain('there is no dataset no-such');
    expect([await api.exit(), api.err]).toEqual([0, '']);
  });

  it('cuts off what does not end within SHUTDOWN_GRACE_MS', async () => {
    const api = startApi({ DATABASE_URL: database.url, SHUTDOWN_GRACE_MS: '200' });
    const socket = connect(Number(new URL(await api.address()).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST /api/execution/start HTTP/1.1\r\nhost: x\r\nauthorization: ${AUTHORIZED.authorization}\r\n`);
    await eventually('it has heard of us', async () => (await fetch(`${await api.address()}/api/health/live`)).ok);
    api.kill('SIGTERM');
    expect(await api.exit()).toBe(0);
    socket.destroy();
  });

  it('ends when its parent is gone', async () => {
    const api = startApi({ DATABASE_URL: database.url });
    await api.address();
    api.disconnect();
    expect(await api.exit()).toBe(0);
  });

  it('logs a line per request with its id, and no secrets', async () => {
    const api = startApi({ DATABASE_URL: database.url });
    const address = await api.address();
    const headers = { ...AUTHORIZED, 'x-request-id': 'mine' };
    await fetch(`${address}/api/runs/secret-in-the-path?token=secret-in-the-query`, { headers });
    await fetch(`${address}/api/runs`, { headers: { authorization: 'Bearer secret-wrong-token' } });
    await fetch(`${address}/api/health`);
    api.kill('SIGTERM');
    expect(await api.exit()).toBe(0);

    const lines = api.out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as object]));
    const requests = lines.filter((line) => 'route' in line);
    expect(requests).toMatchObject([
      { method: 'GET', route: '/api/runs/:id', status: 400, actor: 'admin', requestId: 'mine', ms: expect.any(Number) },
      { method: 'GET', route: '/api/runs', status: 403 },
    ]);
    expect(api.out).not.toMatch(/secret-/);
    expect(api.out).not.toContain(TEST_TOKEN);
  });
});

interface Document {
  paths: Record<string, Record<string, { summary?: string; responses: object; security?: object[] }>>;
  components: { schemas: Record<string, { properties?: object }> };
}

const PUBLIC = ['/api/health', '/api/execution/stop', '/api/markets', '/metrics', '/api/docs', '/api/openapi.json'];

describe('the OpenAPI document', () => {
  it('tells of every route, its errors and its fields, and is shown without other hosts', async () => {
    const api = startApi({ DATABASE_URL: database.url });
    const address = await api.address();
    const document = (await (await fetch(`${address}/api/openapi.json`)).json()) as Document;
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    );
    for (const { name, summary, responses, security } of operations) {
      const isPublic = PUBLIC.some((path) => name.startsWith(`get ${path}`));
      expect([name, typeof summary, security?.[0]]).toEqual([
        name,
        'string',
        isPublic ? security?.[0] : { bearer: [] },
      ]);
      expect(Object.keys(responses)).toEqual(
        expect.arrayContaining(isPublic ? ['400', '500'] : ['400', '401', '403', '503']),
      );
    }
    expect(operations.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['post /api/execution/start', 'get /api/runs/{id}/report', 'get /api/events']),
    );
    const unresolved = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].filter(
      ([, name = '']) => document.components.schemas[name]?.properties === undefined,
    );
    expect(unresolved).toEqual([]);
    expect(Object.keys(document.components.schemas['StartBody']?.properties ?? {})).toEqual(
      expect.arrayContaining(['mode', 'dryRun', 'maxPosition', 'notes', 'pipeline', 'strategy', 'input']),
    );

    const page = await (await fetch(`${address}/api/docs`)).text();
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, link = '']) => new URL(link, `${address}/api/docs`),
    );
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link.origin).toBe(address);
      expect([link.pathname, (await fetch(link)).status]).toEqual([link.pathname, 200]);
    }
    api.kill('SIGTERM');
    expect(await api.exit()).toBe(0);
  });
});
