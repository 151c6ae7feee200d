import { amount } from '@interlock/persistence';
import type { StoredMarketQuote } from '@interlock/venues';
import { nextSale, type SaleLimits } from './next-sale.js';

const NO_LIMITS: SaleLimits = { collar: null, referenceBid: null, mostQuantity: null, mostValue: null };
const QUOTE = {
  bestBid: '0.4',
  bestBidQuantity: '30',
  minimumQuantity: '5',
  tick: '0.01',
  status: 'OPEN',
  closesInMs: null,
};

function saleOf(
  quantity: string,
  quote: Partial<StoredMarketQuote> = {},
  limits: Record<string, string> = {},
  promised = '0',
) {
  const exact = Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, amount(value)]));
  const sale = nextSale(
    { quantity: amount(quantity), promised: amount(promised) },
    { ...QUOTE, ...quote } as StoredMarketQuote,
    { ...NO_LIMITS, ...exact },
  );
  return sale.kind === 'sell' ? `${sale.quantity.toFixed()} at ${sale.price.toFixed()}` : sale.kind;
}

describe('what a plan sells next', () => {
  it('sells at the best bid, as much as is free and shown', () => {
    expect(saleOf('20')).toBe('20 at 0.4');
    expect(saleOf('100')).toBe('30 at 0.4');
    expect(saleOf('20', {}, {}, '8')).toBe('12 at 0.4');
    expect(saleOf('20', {}, {}, '18')).toBe('wait');
  });

  it('sells into a bid between two ticks by an order at the tick below, unless that is below the collar', () => {
    expect(saleOf('20', { bestBid: '0.405' })).toBe('20 at 0.4');
    expect(saleOf('20', { bestBid: '0.405' }, { collar: '0', referenceBid: '0.405' })).toBe('wait');
    expect(saleOf('20', { bestBid: '0.004' })).toBe('wait');
    expect(saleOf('20', { bestBid: '0.405', tick: '0.001' })).toBe('20 at 0.405');
  });

  it('never sells below the bid of the beginning by more than the collar', () => {
    const limits = { collar: '0.05', referenceBid: '0.45' };
    expect(saleOf('20', {}, limits)).toBe('20 at 0.4');
    expect(saleOf('20', { bestBid: '0.39' }, limits)).toBe('wait');
    expect(saleOf('20', { bestBid: '0.39' }, { collar: '0.05' })).toBe('20 at 0.39');
  });

  it('waits while nobody bids or the market pauses, and knows dust and the end', () => {
    expect(saleOf('20', { bestBid: null, bestBidQuantity: null })).toBe('wait');
    expect(saleOf('20', { status: 'PAUSED' })).toBe('wait');
    expect(saleOf('20', { status: 'CLOSED' })).toBe('closed');
    expect(saleOf('20', { closesInMs: -1 })).toBe('closed');
    expect(saleOf('4.99')).toBe('dust');
    expect(saleOf('4.99', { status: 'CLOSED' })).toBe('dust');
  });

  it('makes no slice, and leaves no rest, that the market does not take', () => {
    expect(saleOf('20', { bestBidQuantity: '2' })).toBe('5 at 0.4');
    expect(saleOf('32')).toBe('27 at 0.4');
    expect(saleOf('7', { bestBidQuantity: '6' })).toBe('6 at 0.4');
  });

  it('keeps to the size that guards allow', () => {
    expect(saleOf('20', {}, { mostQuantity: '12' })).toBe('12 at 0.4');
    expect(saleOf('20', {}, { mostValue: '3' })).toBe('7 at 0.4');
    expect(saleOf('20', {}, { mostQuantity: '6', mostValue: '3' })).toBe('6 at 0.4');
    expect(saleOf('20', {}, { mostQuantity: '4' })).toBe('wait');
  });
});
