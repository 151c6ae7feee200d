import { SettingsModule } from '@interlock/config';
import { PersistenceModule } from '@interlock/persistence';
import { VenuesModule } from '@interlock/venues';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** The venues as one process has them. */
export async function startVenues(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl, environment)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      VenuesModule,
    ],
  }).compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
