import { assert, jsonValue, property } from 'fast-check';
import { byField, faultsOf } from './text-checks.js';

describe('what a request may not contain', () => {
  it('is found wherever it stands', () => {
    const value = { a: ['fine', { b: 'no\0' }], '\udc00': 1, c: Infinity, d: null, e: true, f: '😀' };
    expect(byField(faultsOf(value, 'input'))).toEqual({
      'input.a.1.b': ['must not contain NUL or half a surrogate pair'],
      'input.\udc00': ['its name must not contain NUL or half a surrogate pair'],
      'input.c': ['must be a finite number'],
    });
  });

  it('leaves nothing that PostgreSQL would not store or JSON would change', () => {
    assert(
      property(jsonValue({ maxDepth: 5, stringUnit: 'binary' }), (value) => {
        const text = JSON.stringify(value);
        const isFine = faultsOf(value, 'input').length === 0;
        expect(isFine).toBe(!/\\u0000|\\ud[89a-f]..|"__proto__":/.test(text.replaceAll('\\\\', '')));
      }),
    );
  });

  it('ends at a depth that the stack can bear', () => {
    const deep = JSON.parse(`${'['.repeat(60_000)}${']'.repeat(60_000)}`) as unknown;
    expect(faultsOf(deep, 'input')).toHaveLength(1);
  });

  it('names any field, also one that every object inherits', () => {
    const fieldErrors = byField([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['constructor', 'c'],
    ]);
    expect(JSON.stringify(fieldErrors)).toBe('{"__proto__":["a"],"constructor":["b","c"]}');
  });
});
