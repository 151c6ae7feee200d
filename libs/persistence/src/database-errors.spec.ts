import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { isDatabaseUnavailable } from './database-errors.js';

describe('isDatabaseUnavailable', () => {
  // A session that was ended while its process was frozen shows itself so at the next statement.
  it.each([
    [new QueryRunnerAlreadyReleasedError()],
    [new QueryRunnerProviderAlreadyReleasedError()],
    [Object.assign(new Error('idle'), { code: '25P03' })],
  ])('knows %p for a connection that was lost', (error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it('does not take any error for one', () => {
    expect(isDatabaseUnavailable(new Error('a fault of ours'))).toBe(false);
    expect(isDatabaseUnavailable(Object.assign(new Error('twice'), { code: '23505' }))).toBe(false);
  });
});
