import { CalibrationModule, ImportSampleDataset } from '@interlock/calibration';
import { readSettings, type Settings, SettingsModule } from '@interlock/config';
import { OrdersModule, SeedLedger } from '@interlock/orders';
import { PersistenceModule } from '@interlock/persistence';
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { NestFactory } from '@nestjs/core';

/** What seeding found or did: one line for people per item. */
export interface SeedResult {
  dataset: string;
  /** Absent when no trading was wanted. */
  ledger?: string;
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
        OrdersModule,
      ],
    };
  }
}

/**
 * Fills a migrated database with what the first steps need. Doing it again changes nothing.
 * @param withLedger also makes a little trading in mode mock, for guards to read
 */
export async function seedDatabase(databaseUrl: string, { withLedger = false } = {}): Promise<SeedResult> {
  const settings = readSettings({ DATABASE_URL: databaseUrl });
  const context = await NestFactory.createApplicationContext(SeedModule.forRoot(settings), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    const { kind, dataset } = await context.get(CommandBus).execute(new ImportSampleDataset());
    const result = { dataset: `${dataset.name}, ${dataset.rows} markets${thereAlready(kind)}` };
    if (!withLedger) return result;
    const ledger = await context.get(CommandBus).execute(new SeedLedger());
    return { ...result, ledger: `${ledger.summary}${thereAlready(ledger.kind)}` };
  } finally {
    await context.close();
  }
}

function thereAlready(kind: string): string {
  return kind === 'unchanged' ? ', there already' : '';
}
