import { SettingsModule } from '@interlock/config';
import { PersistenceModule, Transactions } from '@interlock/persistence';
import { CqrsModule, QueryBus } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { ListEvents } from './list-events.js';
import type { NewOpsEvent } from './ops-event.js';
import { OpsEvents } from './ops-events.js';
import { OpsEventsModule } from './ops-events.module.js';

const RUN = '019a0000-0000-7000-8000-00000000000';

let database: TestDatabase;
let module: TestingModule;
let transactions: Transactions;
let events: OpsEvents;
let lines: { level: string; line: Record<string, unknown> }[];

const keep =
  (level: string) =>
  (line: unknown): void => {
    if (typeof line === 'object' && line !== null && 'event' in line) lines.push({ level, line: { ...line } });
  };

beforeAll(async () => {
  database = await createTestDatabase();
  lines = [];
  module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(database.url, { ALERT_WEBHOOK_URL: 'http://127.0.0.1:9/key' })),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      OpsEventsModule,
    ],
  }).compile();
  module.useLogger({ log: keep('info'), warn: keep('warn'), error: keep('error') });
  await module.init();
  transactions = module.get(Transactions);
  events = module.get(OpsEvents);
});

afterAll(async () => {
  await module.close();
  await database.drop();
});

beforeEach(async () => {
  lines = [];
  await transactions.run((tx) => tx.query('TRUNCATE ops_events, alert_deliveries'));
});

function record(...some: NewOpsEvent[]): Promise<void> {
  return transactions.run((tx) => events.recordAll(tx, some));
}

function list(filter: ListEvents['filter'], limit = 200, before?: string) {
  return module.get(QueryBus).execute(new ListEvents(filter, limit, before));
}

function deliveries() {
  return transactions.run((tx) =>
    tx.query<{ event: string; channel: string; status: string }[]>(
      'SELECT e.event, d.channel, d.status FROM alert_deliveries d JOIN ops_events e ON e.id = d.event_id ORDER BY d.id',
    ),
  );
}

describe('recording events', () => {
  it('E1 writes nothing, schedules nothing and logs nothing when the transaction is rolled back', async () => {
    const failing = transactions.run(async (tx) => {
      await events.record(tx, { event: 'kill_switch_on', source: 'test' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await list({})).toEqual({ items: [], nextCursor: null });
    expect(await deliveries()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('logs one line for each once it has committed, with its run', async () => {
    await transactions.run(async (tx) => {
      await events.record(tx, { event: 'run_completed', source: 'worker', runId: `${RUN}1`, details: { attempt: 1 } });
      await events.record(tx, { event: 'worker_failed', source: 'worker', runId: `${RUN}1`, reason: 'fit: no' });
      expect(lines).toEqual([]);
    });
    const { items } = await list({});
    const [failed, completed] = items;
    expect(lines).toEqual([
      {
        level: 'info',
        line: {
          id: completed?.id,
          event: 'run_completed',
          severity: 'info',
          source: 'worker',
          runId: `${RUN}1`,
          details: { attempt: 1 },
        },
      },
      {
        level: 'warn',
        line: {
          id: failed?.id,
          event: 'worker_failed',
          severity: 'warning',
          source: 'worker',
          runId: `${RUN}1`,
          reason: 'fit: no',
        },
      },
    ]);
  });

  it('E1 schedules a delivery beside each critical event, in the same transaction', async () => {
    await record(
      { event: 'kill_switch_on', source: 'test' },
      { event: 'worker_failed', source: 'test' },
      { event: 'run_expired', source: 'test' },
    );
    expect(await deliveries()).toEqual([
      { event: 'kill_switch_on', channel: 'webhook', status: 'PENDING' },
      { event: 'run_expired', channel: 'webhook', status: 'PENDING' },
    ]);
  });
});

describe('listing events', () => {
  const some: NewOpsEvent[] = [
    { event: 'run_completed', source: 'worker', runId: `${RUN}1` },
    { event: 'worker_failed', source: 'worker', runId: `${RUN}2` },
    { event: 'kill_switch_on', source: 'kill-switch', actor: 'ada', reason: 'drawdown', details: { scope: 'global' } },
    { event: 'run_canceled', source: 'worker', runId: `${RUN}2` },
  ];
  const names = async (filter: ListEvents['filter']) => (await list(filter)).items.map(({ event }) => event);

  beforeEach(() => record(...some));

  it('shows each as it was recorded, newest first', async () => {
    const { items } = await list({});
    expect(items.map(({ event }) => event)).toEqual(some.map(({ event }) => event).toReversed());
    expect(items[1]).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      severity: 'critical',
      runId: null,
      jobId: null,
      ...some[2],
    });
  });

  it('filters by severity, event and run, alone and together', async () => {
    expect(await names({ severity: 'critical' })).toEqual(['kill_switch_on']);
    expect(await names({ event: 'worker_failed' })).toEqual(['worker_failed']);
    expect(await names({ runId: `${RUN}2` })).toEqual(['run_canceled', 'worker_failed']);
    expect(await names({ runId: `${RUN}2`, severity: 'info' })).toEqual(['run_canceled']);
    expect(await names({ runId: `${RUN}1`, event: 'worker_failed' })).toEqual([]);
  });

  it('pages without a gap or a repetition, filters included', async () => {
    await record(...Array.from({ length: 8 }, (): NewOpsEvent => ({ event: 'run_expired', source: 'test' })));
    const seen: string[] = [];
    for (let cursor: string | undefined, page; ; cursor = page.nextCursor) {
      page = await list({ severity: 'critical' }, 3, cursor);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === null) break;
    }
    expect(seen).toHaveLength(9);
    expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
  });

  it('ends with a page that is exactly full', async () => {
    expect((await list({}, 4)).nextCursor).toBeNull();
    expect((await list({}, 3)).nextCursor).not.toBeNull();
  });
});
