import { setTimeout as delay } from 'node:timers/promises';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { expectRecovery, pids } from './recovery.js';
import { ask, Traffic } from './traffic.js';

let cluster: Cluster;
let traffic: Traffic | undefined;

/** Whom the programs log in as: an account whose rights can be taken. */
const ACCOUNT = 'app';
const PASSWORD = 'app-password';

beforeAll(async () => {
  cluster = await Cluster.start({ up: [], environment: { DATABASE_POOL_MAX: '4' } });
  const { username } = new URL(cluster.database.url);
  await cluster.database.query(`CREATE ROLE ${ACCOUNT} LOGIN PASSWORD '${PASSWORD}' IN ROLE ${username}`);
  const url = new URL(cluster.database.url);
  [url.username, url.password] = [ACCOUNT, PASSWORD];
  for (const program of cluster.programs) program.start({ DATABASE_URL: url.href });
  await cluster.waitReady();
}, 240_000);
afterEach(async () => {
  await traffic?.end();
  traffic = undefined;
});
afterAll(() => cluster.close());

/** Ends every session of the programs; returns how many there were. */
async function endSessions(): Promise<number> {
  const ended = await cluster.database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`,
    [ACCOUNT],
  );
  return ended.length;
}

describe('a pool without a free connection', () => {
  it('K2 is told by 503 and retry-after in bounded time; health stays quick, the button works, all recovers', async () => {
    const before = pids(cluster);
    const isHeld = async (): Promise<boolean> => {
      const held = await cluster.database.query(
        `SELECT 1 FROM pg_locks WHERE relation = 'runs'::regclass AND mode = 'AccessExclusiveLock' AND granted`,
      );
      return held.length > 0;
    };
    // Whoever reads or writes runs waits for a table that somebody else has locked, and keeps a connection meanwhile.
    const lock = cluster.database.query(
      `DO $$ BEGIN LOCK TABLE runs IN ACCESS EXCLUSIVE MODE; PERFORM pg_sleep(8); END $$`,
    );
    await eventually('the table is locked', isHeld);
    const api = cluster.api();
    const lists = Array.from({ length: 12 }, () => ask(api, 'GET', '/api/runs'));
    const starts = Array.from({ length: 12 }, () => ask(api, 'POST', '/api/execution/start', { dryRun: true }));
    await delay(300);
    const health = await Promise.all([ask(api, 'GET', '/api/health'), ask(api, 'GET', '/api/health/ready')]);
    expect(health.map(({ status, ms }) => [status, ms < 2_000])).toEqual([
      [200, true],
      [200, true],
    ]);
    const pressed = await ask(api, 'POST', '/api/execution/stop', { scope: 'strategy:nobody' });
    expect([pressed.status, pressed.ms < 4_500]).toEqual([200, true]);
    for (const answer of await Promise.all([...lists, ...starts])) {
      expect(answer).toMatchObject({ status: 503, code: 'DATABASE_UNAVAILABLE', retryAfter: '1' });
      expect(answer.ms).toBeLessThan(answer.request.startsWith('POST') ? 6_500 : 9_000);
    }
    await lock;
    await expectRecovery(cluster);
    expect(pids(cluster)).toEqual(before);
  }, 240_000);
});

describe('a server that refuses', () => {
  it.each([
    // 53300, 28P01, 25006
    [
      'more connections',
      `ALTER ROLE ${ACCOUNT} CONNECTION LIMIT 0`,
      `ALTER ROLE ${ACCOUNT} CONNECTION LIMIT -1`,
      'cannot be reached',
    ],
    [
      'a password that was changed',
      `ALTER ROLE ${ACCOUNT} PASSWORD 'other'`,
      `ALTER ROLE ${ACCOUNT} PASSWORD '${PASSWORD}'`,
      'cannot be reached',
    ],
    [
      'writes',
      `ALTER ROLE ${ACCOUNT} SET default_transaction_read_only = on`,
      `ALTER ROLE ${ACCOUNT} RESET default_transaction_read_only`,
      'takes no writes',
    ],
  ])(
    '%s: 503 and never 500, and all is well once it takes them again',
    async (_, refuse, take, said) => {
      const before = pids(cluster);
      await expectRecovery(cluster);
      traffic = new Traffic(cluster);
      await delay(300);
      await cluster.database.query(refuse);
      await endSessions();
      for (const path of ['/api/health', '/api/health/ready']) {
        await eventually(`${path} tells`, async () => {
          const answer = await fetch(cluster.api().url + path);
          return answer.status === 503 && (await answer.text()).includes(`the database ${said}`);
        });
      }
      const from = performance.now();
      await delay(3_000);
      const to = performance.now();
      await cluster.database.query(take);
      await expectRecovery(cluster);
      await traffic.end();

      expect(traffic.faults()).toEqual([]);
      const changing = traffic.between(from, to, /execution/).filter(({ sentAt, ms }) => sentAt + ms < to);
      expect(changing.length).toBeGreaterThan(0);
      expect(changing.filter(({ status, code }) => status !== 503 || code !== 'DATABASE_UNAVAILABLE')).toEqual([]);
      expect(pids(cluster)).toEqual(before);
    },
    240_000,
  );

  it('everybody for a moment, again and again, as when it is restarted by its operator: 503 and never 500', async () => {
    const before = pids(cluster);
    traffic = new Traffic(cluster);
    for (let round = 0; round < 20; round++) {
      await endSessions();
      await delay(150);
    }
    await expectRecovery(cluster);
    await traffic.end();
    expect(traffic.faults()).toEqual([]);
    const other = traffic.seen.filter(({ status }) => ![200, 202, 409, 503].includes(status));
    expect(other).toEqual([]);
    expect(pids(cluster)).toEqual(before);
  }, 240_000);
});
