import { SettingsModule } from '@interlock/config';
import { PersistenceModule } from '@interlock/persistence';
import { OrdersModule } from '@interlock/orders';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** The ledger as one process has it. */
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
    ],
  }).compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
