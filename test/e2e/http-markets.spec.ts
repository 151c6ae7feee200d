import { eventually } from '../support/eventually.js';
import { answerJson, MarketsService } from '../support/markets-service.js';
import { type Answer, startTestApi, type TestApi } from '../support/test-api.js';

const SECRET = 'secret-5f2c';

let api: TestApi;
let service: MarketsService;
beforeAll(async () => {
  service = await MarketsService.start();
  api = await startTestApi({
    MARKETS_SOURCE_BASE_URL: `http://desk:${SECRET}@127.0.0.1:${service.port}`,
    MARKETS_SOURCE_TIMEOUT_MS: '200',
    MARKETS_CACHE_MS: '100',
  });
});
afterAll(async () => {
  await api.close();
  await service.close();
});

/** The first answer for which the service was asked anew. */
async function fresh(): Promise<Answer> {
  const before = service.requests.length;
  return eventually('the service is asked again', async () => {
    const answer = await api.call('/api/markets');
    return service.requests.length > before && answer;
  });
}

describe('GET /api/markets', () => {
  it('answers everybody with the markets of the service', async () => {
    service.answer = answerJson({
      items: [{ market_id: 'A', ticker: 'T', status: 'open', trust_score: 0.5, as_of: '2026-01-08T20:00:00Z' }, {}],
      total: 2,
    });
    const { status, headers, body } = await fresh();
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(body).toEqual({
      ok: true,
      source: 'upstream',
      count: 1,
      skipped: 1,
      items: [
        {
          id: 'A',
          symbol: 'T',
          status: 'OPEN',
          category: null,
          liquidityBucket: null,
          trustScore: 0.5,
          asOf: '2026-01-08T20:00:00Z',
        },
      ],
    });
  });

  it('answers with the fallback, and still with 200, when the service hangs; one connection is held for 200 callers', async () => {
    service.answer = () => undefined;
    await fresh();
    const answers = await Promise.all(Array.from({ length: 200 }, () => api.call('/api/markets')));
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([
        200,
        {
          ok: false,
          source: 'fallback',
          count: 0,
          items: [],
          error: {
            code: 'UPSTREAM_TIMEOUT',
            message: 'The markets service gave no complete answer within 200 ms.',
          },
        },
      ]);
    }
    expect(service.mostConnections).toBe(1);
  });

  it('does not show where the service is, nor the password', async () => {
    await service.close();
    const { headers, body } = await eventually('it is known that the service is gone', async () => {
      const answer = await api.call('/api/markets');
      return JSON.stringify(answer.body).includes('UPSTREAM_FETCH_ERROR') && answer;
    });
    expect(JSON.stringify([...headers, body])).not.toMatch(new RegExp(`${SECRET}|${service.port}|desk`));
  });

  it('takes no query, and HEAD as GET', async () => {
    expect((await api.call('/api/markets?limit=1')).status).toBe(400);
    expect((await api.call('/api/markets', { method: 'HEAD' })).status).toBe(200);
    expect((await api.call('/api/markets', { method: 'POST' })).status).toBe(405);
  });
});
