import { CalibrationModule, ImportSampleDataset } from '@interlock/calibration';
import { readSettings, type Settings, SettingsModule } from '@interlock/config';
import { PersistenceModule } from '@interlock/persistence';
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { NestFactory } from '@nestjs/core';

/** What seeding found or did: one line for people per item. */
export interface SeedResult {
  dataset: string;
}

@Module({})
class SeedModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: SeedModule,
      imports: [
        SettingsModule.forRoot(settings),
        CqrsModule.forRoot(),
        PersistenceModule.forRoot('interlock-seed'),
        CalibrationModule,
      ],
    };
  }
}

/** Fills a migrated database with what the first steps need. Doing it again changes nothing. */
export async function seedDatabase(databaseUrl: string): Promise<SeedResult> {
  const settings = readSettings({ DATABASE_URL: databaseUrl });
  const context = await NestFactory.createApplicationContext(SeedModule.forRoot(settings), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    const { kind, dataset } = await context.get(CommandBus).execute(new ImportSampleDataset());
    return { dataset: `${dataset.name}, ${dataset.rows} markets${kind === 'unchanged' ? ', there already' : ''}` };
  } finally {
    await context.close();
  }
}
