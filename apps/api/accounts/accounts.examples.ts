import { ID, TIME } from '../docs/fields.js';
import type { AccountsAnswer, BookedTransferAnswer, TransferBody, TransfersAnswer } from './accounts.dto.js';

const deposit = {
  transferId: ID.example,
  venue: 'paper',
  account: 'default',
  amount: '250',
  cash: '10247.2',
  reason: 'monthly funding',
  idempotencyKey: 'wire-2026-11-23',
  bookedBy: 'rita',
  bookedAt: TIME.example,
} satisfies TransferBody;

const accounts: AccountsAnswer = {
  ok: true,
  items: [{ venue: 'paper', account: 'default', mode: 'paper', cash: '9997.2', reserved: '1.2', free: '9996' }],
};
const booked: BookedTransferAnswer = { ok: true, transfer: deposit };
const replayed: BookedTransferAnswer = { ok: true, transfer: deposit, replayed: true };
const transfers: TransfersAnswer = { ok: true, items: [deposit], nextCursor: null };

const bodies = {
  'a deposit': { value: { amount: '250', reason: 'monthly funding', idempotencyKey: 'wire-2026-11-23' } },
  'a withdrawal': { value: { amount: '-100', reason: 'profit taken out', idempotencyKey: 'wire-2026-11-30' } },
};

export const accountsExamples = { accounts, booked, replayed, transfers, bodies };
