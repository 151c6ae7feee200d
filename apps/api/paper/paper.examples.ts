import { ID, TIME } from '../docs/fields.js';
import type {
  PaperAccountAnswer,
  PaperBehaviourAnswer,
  PaperFillsAnswer,
  PaperMarketAnswer,
  PaperMarketBody,
  PaperOrdersAnswer,
  PaperTradeAnswer,
  PaperTransferAnswer,
} from './paper.dto.js';

const books: PaperMarketBody['books'] = {
  YES: { bids: [['0.4', '100']], asks: [['0.42', '80'], ['0.43', '250']] }, // prettier-ignore
};
const nothing = { bids: [], asks: [] };

const market = {
  market: 'rain-2026-12-01',
  outcomes: ['YES', 'NO'],
  rules: 'free',
  feeRate: '0',
  feeExponent: 1,
  tick: '0.01',
  minQuantity: '5',
  status: 'OPEN',
  closesAt: null,
  settledAt: null,
  books: { ...books, NO: nothing },
} satisfies PaperMarketBody;
const listed: PaperMarketAnswer = { ok: true, market };

const orders: PaperOrdersAnswer = {
  ok: true,
  items: [
    {
      venueOrderId: ID.example,
      clientKey: '01a20731-5f11-7c7a-9d3c-2f44c1a3a7d0',
      market: 'rain-2026-12-01',
      outcome: 'YES',
      side: 'BUY',
      price: '0.4',
      quantity: '10',
      filledQuantity: '7',
      status: 'PARTIALLY_FILLED',
      reason: null,
      createdAt: TIME.example,
    },
  ],
  nextCursor: null,
};

const fills: PaperFillsAnswer = {
  ok: true,
  items: [
    {
      venueTradeId: '01a20731-6f2e-7d8b-8a17-2c7bb1f7d1c4',
      venueOrderId: ID.example,
      price: '0.4',
      quantity: '7',
      fee: '0',
      executedAt: TIME.example,
    },
  ],
  nextCursor: null,
};

const account: PaperAccountAnswer = {
  ok: true,
  cash: '9997.2',
  reserved: '1.2',
  positions: [{ market: 'rain-2026-12-01', outcome: 'YES', quantity: '7' }],
};

const transferred: PaperTransferAnswer = { ok: true, cash: '10247.2', reserved: '1.2' };

const behaviour: PaperBehaviourAnswer = {
  ok: true,
  behaviour: { latencyMs: 200, acknowledgement: 'lost', rejectRate: 0, mode: 'open', seed: 0 },
};

const traded: PaperTradeAnswer = { ok: true, filledQuantity: '7' };

const marketBodies = {
  'a market with a book': {
    value: { outcomes: ['YES', 'NO'], rules: 'free', tick: '0.01', minQuantity: '5', status: 'OPEN', books },
  },
};
const tradeBodies = {
  'somebody sells': { value: { outcome: 'YES', side: 'SELL', price: '0.4', quantity: '107' } },
};
const settleBodies = { 'YES happened': { value: { payouts: { YES: '1', NO: '0' } } } };
const transferBodies = {
  'a deposit at the venue': { value: { amount: '250' } },
  'a withdrawal from it': { value: { amount: '-100' } },
};
const behaviourBodies = {
  'orders are taken but never answered': { value: { latencyMs: 200, acknowledgement: 'lost' } },
  'as it is by default': { value: {} },
};

export const paperExamples = {
  listed,
  markets: { ok: true, items: [market], nextCursor: null },
  settled: {
    ok: true,
    market: { ...market, status: 'CLOSED', settledAt: TIME.example, books: { YES: nothing, NO: nothing } },
  },
  traded,
  orders,
  fills,
  account,
  transferred,
  transferBodies,
  behaviour,
  marketBodies,
  tradeBodies,
  settleBodies,
  behaviourBodies,
};
