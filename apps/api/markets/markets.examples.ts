import type { MarketsAnswer, MarketsFallbackAnswer } from './markets.dto.js';

const upstream = {
  ok: true,
  source: 'upstream',
  count: 1,
  skipped: 0,
  items: [
    {
      id: 'KXHIGHNY-26JAN08-T41',
      symbol: 'KXHIGHNY-26JAN08-T41',
      status: 'OPEN',
      category: 'weather',
      liquidityBucket: 'high',
      trustScore: 0.93,
      asOf: '2026-01-08T12:00:00Z',
    },
  ],
} satisfies MarketsAnswer;

const fallback = {
  ok: false,
  source: 'fallback',
  count: 0,
  items: [],
  error: {
    code: 'UPSTREAM_FETCH_ERROR',
    message: 'The connection to the markets service failed (ECONNREFUSED).',
  },
} satisfies MarketsFallbackAnswer;

export const marketsExamples = { upstream, fallback };
