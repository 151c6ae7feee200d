import { newId } from '@interlock/persistence';
import { Venues } from '@interlock/venues';
import { PaperMarket } from '../support/paper-market.js';
import { createTestDatabase } from '../support/test-database.js';
import { describeVenue, type VenueScene } from '../support/venue-conformance.js';
import { startVenues } from '../support/venues-module.js';

describeVenue('the paper venue', async (): Promise<VenueScene> => {
  const database = await createTestDatabase();
  const module = await startVenues(database.url, { VENUE_SUBMIT_TIMEOUT_MS: '3000' });
  const at = (market: string) => new PaperMarket(module, market);
  await at('any').behave({});
  return {
    venue: module.get(Venues).get('paper'),
    market: async (bids, asks) => {
      const made = at(newId());
      await made.show(bids, asks);
      return made.market;
    },
    trade: (market, side, quantity, price) => at(market).trade(side, quantity, price),
    settle: (market, { YES, NO }) => at(market).settle(YES, NO),
    loseAnswers: () => at('any').behave({ acknowledgement: 'lost' }),
    cutOff: () => at('any').behave({ mode: 'down' }),
    restore: () => at('any').behave({}),
    intent: (market, ...order) => at(market).intent(...order),
    close: async () => {
      await module.close();
      await database.drop();
    },
  };
});
