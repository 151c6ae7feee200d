import { EventEmitter } from 'node:events';
import { Metrics } from '@interlock/observability';
import type { Response } from 'express';
import type { AccessLevel } from '../access.decorator.js';
import { ApiError, CallerGone } from '../api-error.js';
import type { Route } from '../route-table.js';
import { WorkLimit } from './work-limit.js';

const route = (access: AccessLevel, more: Partial<Route> = {}): Route => ({
  method: 'POST',
  pattern: '/api/things',
  access,
  quiet: false,
  urgent: false,
  takesBody: true,
  takesQuery: false,
  refusals: [],
  ...more,
});

const capacity = { atWork: 2, present: 4, patienceMs: 60_000 };
const limitOf = (more = {}) =>
  new WorkLimit(new Metrics(), { token: { ...capacity, ...more }, public: { ...capacity, present: 1 } });

const responses: EventEmitter[] = [];
afterEach(() => {
  for (const response of responses.splice(0)) response.emit('close'); // nobody is left waiting
});

function enter(limit: WorkLimit, wanted = route('operator')) {
  const response = new EventEmitter();
  responses.push(response);
  const presence = limit.enter(response as unknown as Response, wanted);
  const outcome = { turn: false, failed: undefined as unknown };
  const begin = async () => {
    await presence.turn().then(
      () => (outcome.turn = true),
      (error: unknown) => (outcome.failed = error),
    );
  };
  return { begin, outcome, answered: () => response.emit('prefinish'), gone: () => response.emit('close') };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const overloaded = expect.objectContaining({ code: 'OVERLOADED', headers: { 'retry-after': '1' } }) as ApiError;

describe('the limit of work', () => {
  it('lets so many work at once, the others in their order, and refuses what goes beyond', async () => {
    const limit = limitOf();
    const all = [1, 2, 3, 4].map(() => enter(limit));
    expect(() => enter(limit)).toThrow(overloaded);
    for (const one of all) void one.begin();
    const working = async () => {
      await settled();
      return all.map(({ outcome }) => outcome.turn);
    };
    expect(await working()).toEqual([true, true, false, false]);
    all[1]?.answered();
    all[1]?.gone(); // leaves once only
    expect(await working()).toEqual([true, true, true, false]);
    expect(() => [enter(limit), enter(limit)]).toThrow(overloaded);
    all[0]?.gone();
    expect(await working()).toEqual([true, true, true, true]);
  });

  it('gives nobody a turn who is gone, and no place away for it', async () => {
    const limit = limitOf();
    const [a, b, c, d] = [1, 2, 3, 4].map(() => enter(limit));
    for (const one of [a, b, c, d]) void one?.begin();
    await settled();
    c?.gone();
    await settled();
    expect(c?.outcome.failed).toBeInstanceOf(CallerGone);
    a?.answered();
    await settled();
    expect(d?.outcome.turn).toBe(true);
    const late = enter(limit);
    late.gone();
    await late.begin();
    expect(late.outcome.failed).toBeInstanceOf(CallerGone);
  });

  it('refuses whoever has waited too long', async () => {
    const limit = limitOf({ patienceMs: 20 });
    for (const one of [enter(limit), enter(limit)]) await one.begin();
    const third = enter(limit);
    await third.begin();
    expect(third.outcome.failed).toEqual(overloaded);
  });

  it('is none for probes, the kill switch and uploads, and keeps those without a token apart', async () => {
    const limit = limitOf();
    for (let n = 0; n < 4; n++) void enter(limit).begin();
    const free = [route('public', { quiet: true }), route('operator', { urgent: true })];
    free.push(route('operator', { streams: { types: ['text/csv'], limitBytes: 1 } }));
    for (const wanted of free) {
      const one = enter(limit, wanted);
      await one.begin();
      expect(one.outcome.turn).toBe(true);
    }
    const stranger = enter(limit, route('public'));
    await stranger.begin();
    expect(stranger.outcome.turn).toBe(true);
    expect(() => enter(limit, route('public'))).toThrow(overloaded);
  });
});
