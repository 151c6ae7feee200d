import { SettingsModule } from '@interlock/config';
import { PersistenceModule, Transactions } from '@interlock/persistence';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from '../../../test/support/settings.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/test-database.js';
import { type MarketQuote, MarketQuotes } from './market-quotes.js';

let database: TestDatabase;
let module: TestingModule;
let quotes: MarketQuotes;
let transactions: Transactions;

beforeAll(async () => {
  database = await createTestDatabase();
  module = await Test.createTestingModule({
    imports: [SettingsModule.forRoot(testSettings(database.url)), PersistenceModule.forRoot('interlock-test')],
    providers: [MarketQuotes],
  }).compile();
  module.enableShutdownHooks([]);
  await module.init();
  quotes = module.get(MarketQuotes);
  transactions = module.get(Transactions);
});
afterAll(async () => {
  await module.close();
  await database.drop();
});

const quote = (market: string, outcome = 'YES', more: Partial<MarketQuote> = {}): MarketQuote => ({
  venue: 'paper',
  market,
  outcome,
  bestBid: '0.4',
  bestBidQuantity: '100.5',
  bestAsk: null,
  bestAskQuantity: null,
  tick: '0.01',
  minimumQuantity: '5',
  status: 'OPEN',
  closesAt: null,
  fees: { rules: 'polymarket', feeRate: '0.03', feeExponent: 0.5 },
  ...more,
});

describe('market quotes', () => {
  it('give back what was stored, with its age by the clock of the database', async () => {
    const closesAt = new Date(Date.now() + 3_600_000);
    const one = quote('rain', 'YES', { closesAt, bestBid: '0.40', status: 'PAUSED' });
    await transactions.run((tx) => quotes.store(tx, [one, quote('rain', 'NO')]));
    const [read, ...others] = await transactions.run((tx) => quotes.read(tx, [one, one]));
    expect(others).toEqual([]);
    const { updatedAt, ageMs, closesInMs, ...rest } = read as NonNullable<typeof read>;
    expect(rest).toEqual({ ...one, bestBid: '0.4' });
    expect(updatedAt).toBeInstanceOf(Date);
    expect(ageMs).toBeGreaterThanOrEqual(0);
    expect(ageMs).toBeLessThan(60_000);
    expect(closesInMs).toBeGreaterThan(3_500_000);
    expect(closesInMs).toBeLessThanOrEqual(3_660_000);
  });

  it('are replaced as a whole, and unknown ones are left out', async () => {
    await transactions.run((tx) => quotes.store(tx, [quote('snow')]));
    await transactions.run((tx) =>
      quotes.store(tx, [quote('snow', 'YES', { bestBid: null, bestBidQuantity: null, tick: '0.001' })]),
    );
    const read = await transactions.run((tx) =>
      quotes.read(tx, [quote('snow'), quote('snow', 'MAYBE'), quote('hail')]),
    );
    expect(read).toMatchObject([{ market: 'snow', bestBid: null, bestBidQuantity: null, tick: '0.001' }]);
  });

  it('G4 refuse what is no quote', async () => {
    for (const wrong of [{ bestBid: '1' }, { bestBid: '0.123456789' }, { bestBidQuantity: null }, { tick: '0' }]) {
      await expect(transactions.run((tx) => quotes.store(tx, [quote('wrong', 'YES', wrong)]))).rejects.toThrow(
        /violates/,
      );
    }
    expect(await transactions.run((tx) => quotes.read(tx, [quote('wrong')]))).toEqual([]);
  });
});
