import { bearerToken, parseQuery } from './front-door.js';
import { requestIdOf } from './request-context.js';

describe('headers', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bEARER   a.b~c', 'a.b~c'],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    ['Bearer a b', undefined],
    ['Bearerabc', undefined],
    ['Bearer ünter', undefined],
    [undefined, undefined],
  ])('%j holds the token %j', (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });

  it.each(['a', '!~'.repeat(64)])('the request id %s is echoed', (id) => {
    expect(requestIdOf(id)).toBe(id);
  });

  it.each([undefined, '', 'a b', 'a\n', 'é', 'x'.repeat(129), ['a', 'b']])('instead of %j one is made', (id) => {
    expect(requestIdOf(id)).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the parameters of an address', () => {
  it('are none when it has no query, on every version of Node', () => {
    expect(parseQuery(null)).toEqual({});
    expect(parseQuery('')).toEqual({});
  });

  it('are texts, and lists when given more than once', () => {
    expect(parseQuery('a=1&b=2&b=3')).toEqual({ a: '1', b: ['2', '3'] });
  });
});
