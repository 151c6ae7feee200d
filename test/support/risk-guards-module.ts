import { SettingsModule } from '@interlock/config';
import { PersistenceModule } from '@interlock/persistence';
import { RiskGuardsModule, RiskSettingsModule } from '@interlock/risk-guards';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { testSettings } from './settings.js';

/** The guards and the automatic kill switch as one process has them. */
export async function startRiskGuards(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl, environment)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-test'),
      RiskGuardsModule,
      RiskSettingsModule,
    ],
  }).compile();
  module.useLogger(false);
  module.enableShutdownHooks([]);
  return module.init();
}
