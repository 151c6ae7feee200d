import { CannotStart, EXIT_STATUS } from '@interlock/observability';
import { Test } from '@nestjs/testing';
import { eventually } from '../../../../test/support/eventually.js';
import { quietPort } from '../../../../test/support/quiet-port.js';
import { startRelay } from '../../../../test/support/relay.js';
import { testSettings } from '../../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/test-database.js';
import { serveWhenReady } from './serve-when-ready.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const emptyProgram = async () => (await Test.createTestingModule({}).compile()).createNestApplication();

async function boot(create: typeof emptyProgram, port: number, url = database.url, stopping = new AbortController()) {
  return serveWhenReady({
    settings: testSettings(url),
    logger: { info: () => undefined, warn: () => undefined },
    stopping: stopping.signal,
    address: { program: 'test', host: '127.0.0.1', port, portSetting: 'PORT' },
    health: { service: 'test', path: '/health' },
    create,
  });
}

describe('serveWhenReady', () => {
  it('builds the program anew as often as the database is lost on the way, behind a port that is always open', async () => {
    const port = await quietPort();
    const said: number[] = [];
    const losses = [
      Object.assign(new Error('no'), { code: 'ECONNREFUSED' }),
      new CannotStart('the queue missed its chance', EXIT_STATUS.unavailable),
    ];
    const { app, address } = await boot(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
      said.push(answer.status);
      const loss = losses.shift();
      if (loss !== undefined) throw loss;
      return emptyProgram();
    }, port);
    try {
      expect([said, address]).toEqual([[503, 503, 503], `http://127.0.0.1:${port}`]);
      expect((await fetch(`${address}/health/live`)).status).toBe(404); // the program itself, which knows no such path
    } finally {
      await app.close();
    }
    await expect(fetch(address)).rejects.toThrow('fetch failed');
  });

  it('ends the start for anything else, and leaves the port', async () => {
    const port = await quietPort();
    await expect(boot(() => Promise.reject(new Error('a fault of ours')), port)).rejects.toThrow('a fault of ours');
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow('fetch failed');
  });

  it('can be told to end while it waits', async () => {
    const relay = await startRelay(database.url);
    await relay.become('cut');
    const stopping = new AbortController();
    const waiting = boot(emptyProgram, 0, relay.url, stopping);
    stopping.abort();
    await expect(waiting).rejects.toThrow('aborted');
  });

  it('answers whatever is asked, however odd, while it waits', async () => {
    const relay = await startRelay(database.url);
    await relay.become('cut');
    const port = await quietPort();
    const stopping = new AbortController();
    const waiting = boot(emptyProgram, port, relay.url, stopping).catch((error: unknown) => error);
    const url = `http://127.0.0.1:${port}`;
    await eventually('it lives', () =>
      fetch(`${url}/health/live?probe=1`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    for (const path of ['//', '/health/', '/%', '/any?x=//y']) {
      const answer = await fetch(url + path, { method: 'POST', body: 'x'.repeat(100_000) });
      expect([path, answer.status]).toEqual([path, 503]);
      expect(await answer.json()).toMatchObject({ ok: false, code: 'DATABASE_UNAVAILABLE' });
    }
    stopping.abort();
    await waiting;
  });
});
