import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule, QueryBus } from '@nestjs/cqrs';
import { DataSource } from 'typeorm';
import { built } from '../../scripts/lib/environment.mjs';

class OrdersProgram {}

const load = (path) => import(built(path));

/**
 * The admission of orders and the ledger as the api has them, in this process, without HTTP. A database of one process alone: nobody
 * looks after its venue, and no worker sends what is admitted.
 * @param url of a migrated database
 * @returns `{ execute, ask, pool, get, close }`; `pool` is the one that admissions take their connections from
 */
export async function openOrdersProgram(url, environment = {}) {
  const { readSettings, SettingsModule } = await load('libs/config/src/index.js');
  const { PersistenceModule } = await load('libs/persistence/src/index.js');
  const { OrdersModule } = await load('libs/orders/src/index.js');
  const { RiskSettingsModule } = await load('libs/risk-guards/src/index.js');
  const settings = readSettings({ DATABASE_URL: url, ...environment });
  const imports = [
    SettingsModule.forRoot(settings),
    CqrsModule.forRoot(),
    PersistenceModule.forRoot('interlock-bench'),
    OrdersModule,
    RiskSettingsModule,
  ];
  const program = { module: OrdersProgram, imports };
  const context = await NestFactory.createApplicationContext(program, {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  const commands = context.get(CommandBus);
  const queries = context.get(QueryBus);
  return {
    execute: (command) => commands.execute(command),
    ask: (query) => queries.execute(query),
    get: (part) => context.get(part, { strict: false }),
    pool: context.get(DataSource).driver.master,
    close: () => context.close(),
  };
}
