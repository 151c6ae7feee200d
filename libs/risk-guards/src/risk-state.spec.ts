import { type Mode, MODES } from '@interlock/kill-switch';
import * as fc from 'fast-check';
import {
  type ModeReading,
  type ModeRow,
  readingOf,
  type RiskLimits,
  RiskState,
  RiskStateUnavailable,
} from './risk-state.js';
import { formatDecimal } from './rules/decimal.js';

const mode = fc.constantFrom(...MODES);
const amount = fc.nat(2_000);
const small = fc.nat(12);

const limits = fc.record({
  position: amount,
  loss: amount,
  orders: small,
  starts: fc.option(small, { nil: undefined }),
});
const readings = fc.record({
  mock: fc.record({ loss: amount, orders: small, starts: small }),
  paper: fc.record({ loss: amount, orders: small, starts: small }),
  live: fc.record({ loss: amount, orders: small, starts: small }),
});
const cents = (value: number): string => formatDecimal({ units: BigInt(value), scale: 2 });

describe('the guards of starts', () => {
  it('G1, G0 judges a batch of starts as a small model does, intent by intent', () => {
    const starts = fc.array(fc.record({ mode, maxPosition: amount.map((value) => value + 1) }), { maxLength: 40 });
    fc.assert(
      fc.property(limits, readings, starts, (allowed, read, intents) => {
        const state = stateOver(allowed, read, allowed.starts !== undefined);
        const counted = { mock: read.mock.starts, paper: read.paper.starts, live: read.live.starts };
        for (const intent of intents) {
          const expected = modelOfStart(allowed, read[intent.mode], counted[intent.mode], intent.maxPosition);
          const judged = state.judgeStart({ mode: intent.mode, maxPosition: cents(intent.maxPosition) });
          expect(judged?.details.rule).toBe(expected);
          if (expected === undefined) counted[intent.mode]++;
        }
      }),
    );
  });

  it('G2 judges a claim by the same rules but the rate of starts, which it is none of', () => {
    const read = { loss: 0, orders: 0, starts: 5 };
    const allowed = { position: 100, loss: 1, orders: 1, starts: 5 };
    const modes = { mock: read, paper: read, live: read };
    expect(stateOver(allowed, modes, true).judgeStart({ mode: 'mock', maxPosition: '1' })).toMatchObject({
      details: { rule: 'startRate' },
    });
    expect(stateOver(allowed, modes, false).judgeStart({ mode: 'mock', maxPosition: '1' })).toBeUndefined();
    expect(stateOver(allowed, modes, false).judgeStart({ mode: 'mock', maxPosition: '1.01' })).toMatchObject({
      details: { rule: 'position' },
    });
  });

  it.each([
    [{ daily_loss: null }],
    [{ daily_loss: 'NaN' }],
    [{ daily_loss: 'Infinity' }],
    [{ orders_in_last_minute: null }],
    [{ orders_in_last_minute: '-1' }],
    [{ starts_in_last_minute: 'many' }],
    [{ limits: null }],
    [
      {
        limits: [
          ['position', 'global', 'NaN'] as [string, string, string],
          ['position', 'global', '1'] as [string, string, string],
        ],
      },
    ],
  ])('G4 refuses to judge by %p', (broken) => {
    const row = { mode: 'mock' as const, daily_loss: '0', orders_in_last_minute: '0', starts_in_last_minute: '0' };
    const stored: ModeRow['limits'] = [
      ['position', 'global', '10'],
      ['position', 'mode:mock', '9'],
      ['position', 'mode:live', '1'],
      ['orderRate', 'strategy:alpha', '1'],
    ];
    expect(readingOf({ ...row, limits: stored }, 5)).toEqual({
      dailyLoss: '0',
      orders: 0,
      starts: 0,
      limits: { maxPosition: '9', maxDailyLoss: undefined, orderRate: undefined, startRate: 5 },
    });
    expect(() => readingOf({ ...row, limits: stored, ...broken }, undefined)).toThrow(RiskStateUnavailable);
  });

  it('G4 refuses to judge a mode that was not read', () => {
    const state = new RiskState(new Map(), false);
    expect(() => state.judgeStart({ mode: 'mock', maxPosition: '0.01' })).toThrow(RiskStateUnavailable);
  });
});

interface Numbers {
  loss: number;
  orders: number;
  starts: number;
}
interface Allowed {
  position: number;
  loss: number;
  orders: number;
  starts: number | undefined;
}

/** Amounts are whole cents in the model. */
function modelOfStart(allowed: Allowed, read: Numbers, starts: number, maxPosition: number): string | undefined {
  if (maxPosition > allowed.position) return 'position';
  if (read.loss >= allowed.loss) return 'dailyLoss';
  if (read.orders >= allowed.orders) return 'orderRate';
  return allowed.starts !== undefined && starts >= allowed.starts ? 'startRate' : undefined;
}

function stateOver(allowed: Allowed, read: Record<Mode, Numbers>, countsStarts: boolean): RiskState {
  const entries = MODES.map((key): [Mode, ModeReading] => {
    const { loss, orders, starts } = read[key];
    return [key, { dailyLoss: cents(loss), orders, starts, limits: riskLimits(allowed) }];
  });
  return new RiskState(new Map(entries), countsStarts);
}

function riskLimits({ position, loss, orders, starts }: Allowed): RiskLimits {
  return { maxPosition: cents(position), maxDailyLoss: cents(loss), orderRate: orders, startRate: starts };
}
