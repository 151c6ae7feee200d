import { SettingsModule } from '@interlock/config';
import { OrdersModule } from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { RiskSettingsModule } from '@interlock/risk-guards';
import { type Venue, Venues } from '@interlock/venues';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** As far as admission looks at venues. */
const VENUES = [
  { name: 'paper', mode: 'paper', account: 'default' },
  { name: 'exchange', mode: 'live', account: 'default' },
] as unknown as Venue[];

/** The ledger and the admission of orders as one process has them. */
export async function startOrders(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl, environment)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      OrdersModule,
      RiskSettingsModule,
    ],
  })
    .overrideProvider(Venues)
    .useValue(new Venues(VENUES))
    .compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
