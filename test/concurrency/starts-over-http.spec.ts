import { Agent, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { Cluster } from '../support/cluster.js';
import { TEST_TOKEN } from '../support/settings.js';

const LIMIT = 100;
/** Connections to each api; the requests of a round share them. */
const CONNECTIONS = 50;

interface Answer {
  status: number;
  body: { runId?: string; code?: string; replayed?: boolean };
}

let cluster: Cluster;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

beforeAll(async () => {
  // No worker: what counts here is what is admitted.
  const environment = { RUN_START_LIMIT_PER_MIN: String(LIMIT), LOG_LEVEL: 'info' };
  cluster = await Cluster.start({ apis: 2, workers: 0, environment });
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await cluster.close();
});

function start(api: number, wish: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${cluster.api(api).url}/api/execution/start`,
      { method: 'POST', agent, headers },
      (response) => {
        json(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, body: body as Answer['body'] }),
          reject,
        );
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(wish));
  });
}

/** So many starts at once, over both apis in turn. */
function startMany(count: number, wish: object): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => start(index % 2, wish)));
}

describe('starts over two api processes', () => {
  it('R3 50 parallel starts with one key make one run, 100 rounds', async () => {
    for (let round = 0; round < 100; round++) {
      await cluster.database.query('DELETE FROM admissions');
      const answers = await startMany(50, { strategy: 'keyed', idempotencyKey: `round-${round}` });
      expect([200, 202].map((wanted) => answers.filter(({ status }) => status === wanted).length)).toEqual([49, 1]);
      expect(new Set(answers.map(({ body }) => body.runId)).size).toBe(1);
    }
    expect(await cluster.database.query(`SELECT count(*)::int AS runs FROM runs WHERE strategy = 'keyed'`)).toEqual([
      { runs: 100 },
    ]);
  }, 90_000);

  it(`G1 1,000 concurrent starts against room for ${LIMIT} admit exactly ${LIMIT}, 20 rounds`, async () => {
    for (let round = 0; round < 20; round++) {
      await cluster.database.query('DELETE FROM admissions');
      const answers = await startMany(1_000, { strategy: `crowd-${round}` });
      const refused = answers.filter(({ status }) => status === 409);
      expect([answers.filter(({ status }) => status === 202).length, refused.length]).toEqual([LIMIT, 1_000 - LIMIT]);
      expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['ORDER_RATE_LIMIT_EXCEEDED']));
      const stored = await cluster.database.query('SELECT count(*)::int AS runs FROM runs WHERE strategy = $1', [
        `crowd-${round}`,
      ]);
      expect(stored).toEqual([{ runs: LIMIT }]);
    }
  }, 90_000);
});
