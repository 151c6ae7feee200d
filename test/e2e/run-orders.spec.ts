import { GetRunReport } from '@interlock/execution';
import { CancelOrder, type PlaceOrderResult } from '@interlock/orders';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { RunOrder } from '../../libs/execution/src/pipeline.js';
import { eventually } from '../support/eventually.js';
import { PaperMarket } from '../support/paper-market.js';
import { RunFixture } from '../support/run-fixture.js';
import { ScriptedPipeline } from '../support/scripted-pipeline.js';
import { startVenues } from '../support/venues-module.js';

let fixture: RunFixture;

beforeEach(async () => {
  fixture = await RunFixture.open({ ORDER_RATE_LIMIT_PER_MIN: '1000000' });
  const venues = await startVenues(fixture.database.url);
  const market = new PaperMarket(venues, 'm');
  await market.behave({});
  await market.show([['0.48', '100']], [['0.52', '100']]);
  await venues.close();
});

afterEach(() => fixture.close());

function buys(decision: string, price: string): RunOrder {
  return {
    decision,
    venue: 'paper',
    market: 'm',
    outcome: 'YES',
    side: 'BUY',
    type: 'limit',
    price,
    quantity: '10',
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
  };
}

const orders = async () =>
  (await fixture.probe.query('SELECT strategy, run_id, status, price::text FROM orders ORDER BY created_at, id')).rows;

/** Until the venue is looked after by the worker. */
const reconciled = () =>
  eventually('the venue is reconciled', async () => {
    const { rows } = await fixture.probe.query('SELECT 1 FROM venue_states WHERE reconciled_at IS NOT NULL');
    return rows[0];
  });

describe('orders of a run', () => {
  it('R6 a retry places none of them a second time, and is given those that are there', async () => {
    const given: PlaceOrderResult[][] = [];
    const fickle = new ScriptedPipeline(async ({ placeOrders }) => {
      await reconciled();
      given.push(await placeOrders([buys('first', '0.52'), buys('second', '0.3')]));
      if (given.length === 1) throw new Error('only this once');
      return {};
    });
    await fixture.worker({ pipelines: [fickle], environment: { JOB_BACKOFF_MS: '10' } });
    const runId = await fixture.accepted({ mode: 'paper', strategy: 'alpha' });
    await fixture.reaches(runId, 'COMPLETED');
    expect(given.map((results) => results.map(({ kind }) => kind))).toEqual([
      ['admitted', 'admitted'],
      ['replayed', 'replayed'],
    ]);
    const found = await eventually('the first is filled', async () => {
      const all = await orders();
      return all[0]?.status === 'FILLED' && all[1]?.status === 'OPEN' ? all : undefined;
    });
    expect(found.map(({ strategy, run_id }) => [strategy, run_id])).toEqual([
      ['alpha', runId],
      ['alpha', runId],
    ]);
  });

  it('R4 a worker that has lost the run places nothing for it', async () => {
    let outcome: unknown;
    const outrun = new ScriptedPipeline(async ({ runId, placeOrders, epoch }) => {
      if (epoch > 1) return {};
      await reconciled();
      await fixture.loseWorker(runId);
      outcome = await placeOrders([buys('late', '0.52')]).catch((error: unknown) => error);
      return {};
    });
    await fixture.worker({ pipelines: [outrun] });
    await fixture.accepted({ mode: 'paper' });
    await eventually('it has tried', () => outcome !== undefined);
    expect(outcome).toMatchObject({ name: 'HoldLost' });
    expect(await orders()).toEqual([]);
  });

  it('G0 a run of another mode than the venue places nothing there', async () => {
    let results: PlaceOrderResult[] = [];
    const stray = new ScriptedPipeline(async ({ placeOrders }) => {
      results = await placeOrders([buys('stray', '0.52')]);
      return {};
    });
    await fixture.worker({ pipelines: [stray] });
    await fixture.reaches(await fixture.accepted({ mode: 'mock' }), 'COMPLETED');
    expect(results).toEqual([
      { kind: 'invalid', fieldErrors: { venue: ['is of mode paper, and the run of mode mock'] } },
    ]);
  });

  it('G2 the maximum position of a run that goes on caps its strategy', async () => {
    let results: PlaceOrderResult[] = [];
    const greedy = new ScriptedPipeline(async ({ placeOrders }) => {
      await reconciled();
      results = await placeOrders([buys('small', '0.3'), buys('too much', '0.3')]);
      return {};
    });
    await fixture.worker({ pipelines: [greedy] });
    await fixture.reaches(await fixture.accepted({ mode: 'paper', maxPosition: 5 }), 'COMPLETED');
    expect(results).toMatchObject([
      { kind: 'admitted' },
      { kind: 'refused', refusal: { code: 'EXPOSURE_LIMIT_EXCEEDED' } },
    ]);
  });
});

describe('the pipeline orders', () => {
  const wish = { market: 'm', outcome: 'YES', side: 'BUY', quantity: 10 };
  const startOrders = (...wishes: object[]) =>
    fixture.start({ mode: 'paper', strategy: 'alpha', pipeline: 'orders', input: { orders: wishes } });
  const reportOf = async (runId: string) => {
    const result = await fixture.api.get(QueryBus).execute(new GetRunReport(runId));
    if (result.kind !== 'found') throw new Error(result.kind);
    return result.report;
  };

  it('places its orders, follows them to their ends, and reports each, those too that the gate refused', async () => {
    const worker = await fixture.worker();
    await reconciled();
    const started = await startOrders({ ...wish, price: '0.52' }, { ...wish, price: 0.515 }, { ...wish, price: '0.3' });
    if (started.kind !== 'accepted') throw new Error(JSON.stringify(started));
    const resting = await eventually('the last one rests', async () => {
      const all = await orders();
      return all[1]?.status === 'OPEN' ? all[1] : undefined;
    });
    expect(resting).toMatchObject({ run_id: started.runId, strategy: 'alpha' });
    const [{ id }] = (await fixture.probe.query<{ id: string }>(`SELECT id FROM orders WHERE price = 0.3`)).rows as [
      { id: string },
    ];
    expect((await fixture.run(started.runId)).stages.at(-1)).toMatchObject({ name: 'follow', status: 'RUNNING' });
    await worker.get(CommandBus).execute(new CancelOrder(id));
    await fixture.reaches(started.runId, 'COMPLETED');
    expect(await reportOf(started.runId)).toEqual({
      orders: [
        expect.objectContaining({ status: 'FILLED', filledQuantity: '10', averagePrice: '0.52' }),
        { refused: 'INVALID_TICK', message: expect.stringContaining('0.515') },
        expect.objectContaining({ orderId: id, status: 'CANCELED', reason: 'CANCEL_REQUESTED' }),
      ],
    });
  });

  it.each([
    [[], { 'input.orders': ['must be a list of 1 to 50 orders'] }],
    [[{ ...wish }], { 'input.orders.0.price': ['must be given for a limit order'] }],
    [
      [
        { ...wish, price: '0.5' },
        { ...wish, side: 'HOLD', price: '1', size: 1 },
      ],
      {
        'input.orders.1.price': ['must lie between 0 and 1, with at most 8 decimals'],
        'input.orders.1.side': ['must be BUY or SELL'],
        'input.orders.1.size': ['is not a known field'],
      },
    ],
    [
      [{ ...wish, type: 'market', timeInForce: 'GTD' }],
      {
        'input.orders.0.timeInForce': ['must be IOC or FOK for a market order'],
        'input.orders.0.expiresAt': ['must be given with GTD'],
      },
    ],
  ])('refuses %j', async (wishes, fieldErrors) => {
    expect(await startOrders(...wishes)).toEqual({ kind: 'invalid', fieldErrors });
  });
});
