import { CalibrationModule } from '@interlock/calibration';
import { SettingsModule } from '@interlock/config';
import { ExecutionModule } from '@interlock/execution';
import { KillSwitchModule } from '@interlock/kill-switch';
import { PersistenceModule } from '@interlock/persistence';
import { QueueModule } from '@interlock/queue';
import { RiskSettingsModule } from '@interlock/risk-guards';
import { CqrsModule } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { WorkerModule } from '../../apps/worker/worker.module.js';
import { type Pipeline, PIPELINES } from '../../libs/execution/src/pipeline.js';
import { testSettings } from './settings.js';

/** The api's side of runs, without its HTTP. */
export async function startApiSide(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<TestingModule> {
  const builder = Test.createTestingModule({
    imports: [
      SettingsModule.forRoot(testSettings(databaseUrl, environment)),
      CqrsModule.forRoot(),
      PersistenceModule.forRoot('interlock-api'),
      QueueModule.forRoot('interlock-api'),
      CalibrationModule,
      KillSwitchModule,
      ExecutionModule.forApi(),
      RiskSettingsModule,
    ],
  });
  const module = await builder.setLogger(SILENT).compile();
  return module.init();
}

export interface WorkerOptions {
  /** Instead of the product's own. */
  pipelines?: readonly Pipeline[];
  environment?: Record<string, string>;
}

/** A whole worker in this process. */
export async function startWorker(
  databaseUrl: string,
  { pipelines, environment = {} }: WorkerOptions = {},
): Promise<TestingModule> {
  const builder = Test.createTestingModule({ imports: [WorkerModule.forRoot(testSettings(databaseUrl, environment))] });
  if (pipelines !== undefined) builder.overrideProvider(PIPELINES).useValue(pipelines);
  const module = await builder.setLogger(SILENT).compile();
  return module.init();
}

const nothing = () => undefined;
const SILENT = process.env['SHOW_LOGS']
  ? console
  : { log: nothing, error: nothing, warn: nothing, debug: nothing, verbose: nothing, fatal: nothing };
