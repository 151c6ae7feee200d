import { SettingsModule } from '@interlock/config';
import { OrdersModule } from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { RiskSettingsModule } from '@interlock/risk-guards';
import { VenuesModule } from '@interlock/venues';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** Admission, ledger, desks and the paper venue as one process has them. */
export async function startTrading(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl, { ORDER_RATE_LIMIT_PER_MIN: '1000000', ...environment })),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      VenuesModule,
      OrdersModule,
      RiskSettingsModule,
    ],
  }).compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
