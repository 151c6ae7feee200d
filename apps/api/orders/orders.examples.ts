import { ID, TIME } from '../docs/fields.js';
import { killSwitchExample } from '../execution/kill-switch.examples.js';
import type { OrderAnswer, OrderBody, OrdersAnswer, PlacedOrderAnswer, PlaceOrdersAnswer } from './orders.dto.js';
import type { PlaceOrderBody } from './place-order.dto.js';
import type { FillsAnswer } from './fills.dto.js';
import type { PnlAnswer } from './pnl.dto.js';
import type { PositionsAnswer } from './positions.dto.js';

const admittedOrder = {
  orderId: ID.example,
  clientOrderId: 'rain-entry-1',
  runId: null,
  strategy: 'momentum',
  mode: 'paper',
  venue: 'paper',
  market: 'rain-2026-12-01',
  outcome: 'YES',
  side: 'BUY',
  type: 'limit',
  price: '0.42',
  quantity: '10',
  filledQuantity: '0',
  averagePrice: null,
  timeInForce: 'GTC',
  expiresAt: null,
  postOnly: false,
  reduceOnly: false,
  status: 'ADMITTED',
  reason: null,
  venueOrderId: null,
  version: 1,
  createdAt: TIME.example,
  updatedAt: TIME.example,
} satisfies OrderBody;
const filled = {
  ...admittedOrder,
  filledQuantity: '10',
  averagePrice: '0.415',
  status: 'FILLED',
  venueOrderId: '01a20731-6a11-7c7a-9d3c-2f44c1a3a7d0',
  version: 4,
  updatedAt: '2026-11-23T06:56:46.912Z',
} satisfies OrderBody;

const admitted: PlacedOrderAnswer = { ok: true, order: admittedOrder };
const replayed: PlacedOrderAnswer = { ok: true, order: filled, replayed: true };
const one: OrderAnswer = { ok: true, order: filled };
const cancelPending: OrderAnswer = {
  ok: true,
  order: { ...admittedOrder, status: 'CANCEL_PENDING', venueOrderId: filled.venueOrderId, version: 4 },
};
const page: OrdersAnswer = { ok: true, items: [filled], nextCursor: 'AaIHMWKvdfyd0Ih9Jffb4w' };
const batch: PlaceOrdersAnswer = {
  ok: true,
  results: [
    { ok: true, order: admittedOrder },
    {
      ok: false,
      code: 'INVALID_TICK',
      message: "the price 0.425 is no multiple of the market's tick 0.01",
      details: { rule: 'tick', scope: 'market:rain-2026-12-01', current: '0.425', limit: '0.01' },
    },
    {
      ok: false,
      code: 'VALIDATION_FAILED',
      message: 'The request has faults; fieldErrors names them.',
      fieldErrors: { price: ['must be given for a limit order'] },
    },
    {
      ok: false,
      code: 'KILL_SWITCH_ON',
      message: 'Orders are refused: global is halted.',
      killSwitch: killSwitchExample,
    },
  ],
};

const entry = {
  strategy: 'momentum',
  market: 'rain-2026-12-01',
  outcome: 'YES',
  side: 'BUY',
  price: '0.42',
  quantity: '10',
  clientOrderId: 'rain-entry-1',
} satisfies Partial<PlaceOrderBody>;
const exit = {
  strategy: 'momentum',
  market: 'rain-2026-12-01',
  outcome: 'YES',
  side: 'SELL',
  type: 'market',
  quantity: 10,
  reduceOnly: true,
} satisfies Partial<PlaceOrderBody>;

const bodies = {
  'buy at 0.42 or better': { value: entry },
  'sell what is held, at what is bid': { value: exit },
  'rest until a time, never take': {
    value: { ...entry, timeInForce: 'GTD', expiresAt: '2026-12-01T12:00:00Z', postOnly: true },
  },
};
const batchBodies = {
  'a ladder': {
    value: { orders: [entry, { ...entry, price: '0.41', clientOrderId: 'rain-entry-2' }] },
  },
};

const fills: FillsAnswer = {
  ok: true,
  items: [
    {
      fillId: '01a20731-6f2e-7d8b-8a17-2c7bb1f7d1c5',
      orderId: ID.example,
      strategy: 'momentum',
      venue: 'paper',
      venueTradeId: '01a20731-6f2e-7d8b-8a17-2c7bb1f7d1c4',
      market: 'rain-2026-12-01',
      outcome: 'YES',
      side: 'BUY',
      price: '0.415',
      quantity: '10',
      fee: '0',
      liquidity: 'TAKER',
      finality: 'FINAL',
      realizedPnl: '0',
      executedAt: '2026-11-23T06:56:46.840Z',
      bookedAt: '2026-11-23T06:56:46.912Z',
    },
  ],
  nextCursor: null,
};

const positions: PositionsAnswer = {
  ok: true,
  items: [
    {
      strategy: 'momentum',
      venue: 'paper',
      market: 'rain-2026-12-01',
      outcome: 'YES',
      quantity: '10',
      costBasis: '4.15',
      averagePrice: '0.415',
      realizedPnl: '0',
      fees: '0',
      workingBuy: '0',
      workingSell: '0',
      markPrice: '0.45',
      unrealizedPnl: '0.35',
      updatedAt: '2026-11-23T06:56:46.912Z',
    },
  ],
  nextCursor: null,
};

const pnl: PnlAnswer = {
  ok: true,
  timezone: 'UTC',
  from: '2026-10-25',
  to: '2026-11-23',
  mode: 'paper',
  realized: '-4.5',
  fees: '0.25',
  net: '-4.75',
  unrealized: '0.35',
  days: [{ day: '2026-11-23', realized: '-4.5', fees: '0.25', net: '-4.75', loss: '6.25' }],
};

export const ordersExamples = { admitted, replayed, one, cancelPending, page, batch, bodies, batchBodies };
export const positionsExamples = { fills, positions, pnl };
