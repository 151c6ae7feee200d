import { DtoPipe } from './dto.pipe.js';
import { ApiError } from './api-error.js';
import { Optional, PositiveAmount, TextUpTo } from './constraints.js';
import { parseQuery } from './front-door.js';

class Amounts {
  @Optional()
  @PositiveAmount()
  amount: number = 1;

  @Optional()
  @TextUpTo(2)
  text?: string;
}

function fieldsAtFault(value: unknown, type: 'body' | 'query' = 'body'): string[] {
  try {
    new DtoPipe().transform(value, { type, metatype: Amounts });
  } catch (error) {
    if (error instanceof ApiError) return Object.keys(error.fields.fieldErrors ?? {});
    throw error;
  }
  return [];
}

describe('constraints', () => {
  it.each([1, 0.1, 1e-8, 0.12345678, 1234567.12345678, 1e21, 1.5e21, Number.MAX_VALUE])('%d is an amount', (amount) => {
    expect(fieldsAtFault({ amount })).toEqual([]);
  });

  it.each([0, -0, -1, 1e-9, 1.1e-8, 0.123456789, Number.MIN_VALUE, NaN, Infinity, '1', null, true, [1], {}])(
    '%p is none',
    (amount) => {
      expect(fieldsAtFault({ amount })).toEqual(['amount']);
    },
  );

  it('fill in defaults, and count characters rather than code units', () => {
    expect(new DtoPipe().transform({ text: '😀😀' }, { type: 'body', metatype: Amounts })).toEqual({
      amount: 1,
      text: '😀😀',
    });
    expect(fieldsAtFault({ text: '😀😀a' })).toEqual(['text']);
  });

  it('tell of every fault once', () => {
    expect(fieldsAtFault({ amount: 0, text: '\0\0\0', other: 1 })).toEqual(['text', 'other', 'amount']);
    expect(fieldsAtFault(parseQuery('text=a&text=b&__proto__=1'), 'query')).toEqual(['text', '__proto__']);
  });
});
