import { SettingsModule } from '@interlock/config';
import { PersistenceModule, Transactions } from '@interlock/persistence';
import { Logger } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { Client } from 'pg';
import { eventually } from '../../../test/support/eventually.js';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { type BoundedEvent, BoundedEvents, MOST_KEYS } from './bounded-events.js';
import { OpsEventsModule } from './ops-events.module.js';

const { jest } = import.meta;

let database: TestDatabase;
let module: TestingModule;
let transactions: Transactions;
let bounded: BoundedEvents;
let probe: Client;

beforeEach(async () => {
  database = await createTestDatabase();
  module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(database.url)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      OpsEventsModule,
    ],
  }).compile();
  module.useLogger(false);
  await module.init();
  transactions = module.get(Transactions);
  bounded = module.get(BoundedEvents);
  probe = new Client({ connectionString: database.url });
  await probe.connect();
  // Nothing but timers by delay: time itself, and what `eventually` waits with, go on.
  jest.useFakeTimers({ doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate'] });
});

afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  await module.close();
  await probe.end();
  await database.drop();
});

/** Lets 10 s pass for the windows that are open. */
function endWindows(): void {
  jest.advanceTimersByTime(10_000);
}

function blocked(strategy: string, current = 0): BoundedEvent {
  const details = { rule: 'maxPosition', strategy, current };
  return { key: `maxPosition ${strategy}`, event: { event: 'execution_start_blocked', source: 'api', details } };
}

function refuse(...events: BoundedEvent[]): Promise<void> {
  return transactions.run((tx) => bounded.record(tx, events));
}

/** `strategy ×count` of each event, oldest first. */
async function recorded(): Promise<string[]> {
  const { rows } = await probe.query<{ details: { strategy: string; count: number } }>(
    'SELECT details FROM ops_events ORDER BY at, id',
  );
  return rows.map(({ details }) => `${details.strategy} ×${details.count}`);
}

/** As `recorded`, once there are as many. */
function eventuallyRecorded(count: number): Promise<string[]> {
  return eventually(`${count} events are recorded`, async () => {
    const events = await recorded();
    return events.length >= count ? events : undefined;
  });
}

describe('bounded events', () => {
  it('lets the first of each key through at once, then one per window that counts the rest', async () => {
    await refuse(blocked('a', 1), blocked('b', 1), blocked('a', 2));
    await refuse(blocked('a', 3));
    expect(await recorded()).toEqual(['a ×1', 'b ×1']);

    endWindows();
    expect(await eventuallyRecorded(3)).toEqual(['a ×1', 'b ×1', 'a ×2']);
    const { rows } = await probe.query(
      `SELECT details ->> 'current' AS current FROM ops_events ORDER BY at DESC LIMIT 1`,
    );
    expect(rows).toEqual([{ current: '3' }]);
  });

  it('counts what was written at a window’s end as the first of the next window', async () => {
    await refuse(blocked('a'));
    await refuse(blocked('a'));
    endWindows();
    expect(await eventuallyRecorded(2)).toEqual(['a ×1', 'a ×1']);
    await refuse(blocked('a'));
    expect(await recorded()).toHaveLength(2);
    endWindows();
    expect(await eventuallyRecorded(3)).toEqual(['a ×1', 'a ×1', 'a ×1']);
    endWindows(); // a window in which nothing happened is the last
    await refuse(blocked('a'));
    expect(await recorded()).toHaveLength(4);
  });

  it('E1 does not lose the first when its transaction is rolled back', async () => {
    const failing = transactions.run(async (tx) => {
      await bounded.record(tx, [blocked('a')]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await recorded()).toEqual([]);
    await refuse(blocked('a'));
    expect(await recorded()).toEqual(['a ×1']);
  });

  it('E1 tells at once what waited behind a first that was rolled back', async () => {
    const failing = transactions.run(async (tx) => {
      await bounded.record(tx, [blocked('a', 1)]);
      await refuse(blocked('a', 2));
      await refuse(blocked('a', 3));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await eventuallyRecorded(1)).toEqual(['a ×2']);
  });

  it('counts a replayed or rolled-back transaction’s events once or not at all', async () => {
    await refuse(blocked('a'));
    let attempts = 0;
    await transactions.run(async (tx) => {
      await bounded.record(tx, [blocked('a')]);
      attempts++;
      if (attempts < 3) await tx.query(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$`);
    });
    endWindows();
    expect(await eventuallyRecorded(2)).toEqual(['a ×1', 'a ×1']);
  });

  it('tells at once what was held back for a window that ended before the commit', async () => {
    await refuse(blocked('a'));
    await transactions.run(async (tx) => {
      await bounded.record(tx, [blocked('a')]);
      endWindows();
    });
    expect(await eventuallyRecorded(2)).toEqual(['a ×1', 'a ×1']);
  });

  it('tries again when what was held back cannot be written', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    await refuse(blocked('a'));
    await refuse(blocked('a'));
    await probe.query('ALTER TABLE ops_events RENAME TO away');
    endWindows();
    await eventually('the write has failed', () => logged.mock.calls.length > 0);
    await probe.query('ALTER TABLE away RENAME TO ops_events');
    await refuse(blocked('a'));
    endWindows();
    expect(await eventuallyRecorded(2)).toEqual(['a ×1', 'a ×2']);
  });

  it('writes what is left over at shutdown, before the database is gone', async () => {
    await refuse(blocked('a'), blocked('a'), blocked('a'), blocked('b'));
    await module.close();
    expect(await recorded()).toEqual(expect.arrayContaining(['a ×1', 'b ×1', 'a ×2']));
    expect(await recorded()).toHaveLength(3);
  });

  it('holds nothing back once the process is ending', async () => {
    await bounded.beforeApplicationShutdown();
    await refuse(blocked('a'), blocked('a'));
    expect(await recorded()).toEqual(['a ×1', 'a ×1']);
  });

  it('bounds the number of keys, so that callers who make up strategies fill neither memory nor table', async () => {
    const many = Array.from({ length: 3 * MOST_KEYS }, (_, n) => blocked(`strategy-${n}`));
    await refuse(...many);
    expect(await recorded()).toHaveLength(MOST_KEYS + 1);
    endWindows();
    await eventually('the rest was counted', async () => (await recorded()).at(-1)?.endsWith(`×${2 * MOST_KEYS - 1}`));
  });
});
