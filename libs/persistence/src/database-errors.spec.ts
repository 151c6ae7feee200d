import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { DatabaseBusy, isDatabaseUnavailable, isDefiniteRollback } from './database-errors.js';

const withCode = (code: string) => Object.assign(new Error('no'), { code });

describe('isDatabaseUnavailable', () => {
  // A session that was ended while its process was frozen shows itself so at the next statement.
  it.each([
    [new QueryRunnerAlreadyReleasedError()],
    [new QueryRunnerProviderAlreadyReleasedError()],
    [withCode('25P03')],
    [withCode('57P01')], // the server is told to end
    [withCode('57P03')], // it is starting up
    [withCode('53300')], // too many connections
    [withCode('25006')], // a standby, or read-only
    [withCode('28P01')], // the password was changed meanwhile
    [new DatabaseBusy(10)],
  ])('knows %p for a database that cannot be used at present', (error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it('does not take any error for one', () => {
    expect(isDatabaseUnavailable(new Error('a fault of ours'))).toBe(false);
    expect(isDatabaseUnavailable(Object.assign(new Error('twice'), { code: '23505' }))).toBe(false);
  });
});

describe('isDefiniteRollback', () => {
  it.each([[withCode('40001')], [withCode('25P03')], [new QueryRunnerAlreadyReleasedError()]])(
    'knows that %p leaves no commit',
    (error) => expect(isDefiniteRollback(error)).toBe(true),
  );

  it.each([[withCode('57P01')], [new Error('Connection terminated unexpectedly')], [new Error('Query read timeout')]])(
    'cannot tell after %p',
    (error) => expect(isDefiniteRollback(error)).toBe(false),
  );
});
