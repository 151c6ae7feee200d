import { built } from '../scripts/lib/environment.mjs';
import { openOrdersProgram } from './lib/orders-program.mjs';
import { rounded } from './lib/results.mjs';
import { withSystem } from './lib/system.mjs';
import { decimal, TradingHistory } from './lib/trading-history.mjs';

const MILLION = 1_000_000;
const ORDERS_PER_TRANSACTION = 100;
const VOIDS = 200;
const SETTLED_MARKETS = 10;
const SEED = 20261123;

/**
 * A history of fills, voided fills and settlements, booked by the ledger itself, then rebuilt from the journal and compared with what is
 * stored; its positions also with books that the benchmark keeps by itself.
 */
export function run(context) {
  return withSystem(context, async (system) => {
    const { quick, signal, tell } = context;
    const wanted = Number(context.rows ?? (quick ? MILLION / 50 : MILLION));
    const program = await openOrdersProgram(await system.makeDatabase('replay'), {});
    try {
      const { CheckLedger } = await import(built('libs/orders/src/index.js'));
      tell(`${rounded(wanted)} fills`);
      const begin = performance.now();
      const books = await openBooks(program, signal);
      const history = new TradingHistory(SEED);
      while (history.fills < wanted) await books.trade(history.next(ORDERS_PER_TRANSACTION));
      const bookedIn = performance.now() - begin;
      const apart = await differencesTo(history, program.pool);
      await books.voidSome();
      await books.settle();
      tell('replay');
      const check = await program.ask(new CheckLedger());
      return reportOf({ fills: history.fills, bookedIn, apart, check });
    } finally {
      await program.close();
    }
  });
}

/** What a desk does with a venue's story, without a venue. */
async function openBooks({ get }, signal) {
  const { amount, Transactions } = await import(built('libs/persistence/src/index.js'));
  const { Ledger } = await import(built('libs/orders/src/ledger/ledger.js'));
  const { ledgerOrderOf, Orders } = await import(built('libs/orders/src/orders.repository.js'));
  const [transactions, ledger, orders] = [Transactions, Ledger, Orders].map(get);
  const account = { venue: 'paper', account: 'default' };
  const provisional = [];
  const transact = (work) => {
    signal.throwIfAborted();
    return transactions.run(work);
  };
  await transact((tx) => ledger.openAccount(tx, { ...account, mode: 'paper', cash: amount('1000000000') }));

  const book = async (tx, traded) => {
    const stored = traded.map(({ id, params }) => newOrder(id, params));
    await orders.insert(tx, stored);
    await ledger.reserve(tx, stored.map(ledgerOrderOf));
    await ledger.changeStatus(
      tx,
      traded.map(({ id }) => ({ orderId: id, to: 'SUBMITTED' })),
    );
    await ledger.changeStatus(
      tx,
      traded.map(({ id }) => ({ orderId: id, to: 'OPEN' })),
    );
    const told = { liquidity: 'TAKER', finality: 'PROVISIONAL', executedAt: new Date() };
    await ledger.bookFills(
      tx,
      traded.flatMap(({ id, fills }) => fills.map((fill) => ({ orderId: id, ...fill, ...told }))),
    );
  };
  return {
    async trade(traded) {
      await transact((tx) => book(tx, traded));
      const bought = traded.find(({ params }) => params.side === 'SELL');
      if (bought !== undefined) provisional.push({ orderId: bought.id, venueTradeId: bought.fills[0].venueTradeId });
    },
    /** Sales, since what remains of a voided purchase might have been sold. */
    async voidSome() {
      for (const fill of provisional.slice(-VOIDS)) await transact((tx) => ledger.voidFill(tx, fill));
    },
    async settle() {
      for (let n = 0; n < SETTLED_MARKETS; n += 1) {
        const of = { ...account, market: `market-${n}`, settlementId: `settlement-${n}`, settledAt: new Date() };
        await transact((tx) => ledger.bookSettlement(tx, { ...of, payouts: { YES: n % 2 === 0 ? '1' : '0' } }));
      }
    },
  };
}

function newOrder(id, { strategy, market, side, price, quantity }) {
  const params = {
    strategy,
    mode: 'paper',
    venue: 'paper',
    market,
    outcome: 'YES',
    side,
    type: 'limit',
    price,
    quantity,
    timeInForce: 'GTC',
    expiresAt: null,
    postOnly: false,
    reduceOnly: false,
  };
  return { id, params, account: 'default', clientOrderId: null, runId: null, feeReserve: '0' };
}

/** How many numbers of the stored positions are not those of the history's own books. */
async function differencesTo({ positions }, pool) {
  const { rows } = await pool.query(
    `SELECT strategy || ' ' || market AS key, quantity::numeric(38, 8)::text AS quantity, cost_basis::numeric(38, 8)::text AS cost,
            realized_pnl::numeric(38, 8)::text AS realized, fees::numeric(38, 8)::text AS fees
     FROM positions`,
  );
  const stored = new Map(rows.map((row) => [row.key, row]));
  let differences = Math.abs(stored.size - positions.size);
  for (const [key, position] of positions) {
    for (const part of ['quantity', 'cost', 'realized', 'fees']) {
      if (stored.get(key)?.[part] !== decimal(position[part])) differences += 1;
    }
  }
  return differences;
}

function reportOf({ fills, bookedIn, apart, check }) {
  const { postings, positions, durationMs, differenceCount, differences } = check;
  const none = (what, count) => ({ what, goal: '0', measured: rounded(count), reached: count === 0 });
  return {
    tables: [
      {
        title: 'Booked, and rebuilt from the journal',
        columns: ['fills', 'postings', 'positions', 'booked in s', 'replayed in s', 'postings/s'],
        rows: [
          [fills, postings, positions, bookedIn / 1_000, durationMs / 1_000, postings / (durationMs / 1_000)].map(
            rounded,
          ),
        ],
      },
    ],
    goals: [
      none('differences between the journal and what is stored', differenceCount),
      none("differences between the positions and the benchmark's own books", apart),
    ],
    notes: [
      `Booked by the ledger itself, ${ORDERS_PER_TRANSACTION} orders and their fills per transaction; ${VOIDS} fills voided and ${SETTLED_MARKETS} markets settled afterwards.`,
      ...differences.map(({ what, journal, stored }) => `${what}: ${journal} in the journal, ${stored} stored.`),
    ],
  };
}
