import { SettingsModule } from '@interlock/config';
import { KillSwitchModule } from '@interlock/kill-switch';
import { PersistenceModule } from '@interlock/persistence';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** The kill switch as one process has it. */
export async function startKillSwitch(databaseUrl: string): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      KillSwitchModule,
    ],
  }).compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
