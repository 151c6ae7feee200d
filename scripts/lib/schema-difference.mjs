import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './environment.mjs';

const LIBS = join(ROOT, 'dist', 'libs');

/**
 * What the entities describe and a migrated database lacks, as SQL statements. The database is spoiled by that.
 *
 * An entity here describes the part of a table that is read through it; the builder takes it for the whole and would drop the rest,
 * or rename a column that it does not know to one that is new. So what no entity describes is taken away first.
 */
export async function schemaDifference(url) {
  const { DataSource } = await import('typeorm'); // not at the top: it may have to be installed first
  const dataSource = new DataSource({ type: 'postgres', url, entities: await allEntities(), logging: false });
  await dataSource.initialize();
  try {
    for (const table of dataSource.entityMetadatas) await takeAwayUndescribed(dataSource, table);
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return { statements: upQueries.map(({ query }) => query), tables: dataSource.entityMetadatas.length };
  } finally {
    await dataSource.destroy();
  }
}

/** Every exported class of the compiled `*.entity.js`. */
async function allEntities() {
  const files = readdirSync(LIBS, { recursive: true }).filter((path) => path.endsWith('.entity.js'));
  const modules = await Promise.all(files.map((path) => import(pathToFileURL(join(LIBS, path)).href)));
  return modules.flatMap((module) => Object.values(module)).filter((value) => typeof value === 'function');
}

async function takeAwayUndescribed(dataSource, metadata) {
  const runner = dataSource.createQueryRunner();
  try {
    const table = await runner.getTable(metadata.tablePath);
    if (table === undefined) return;
    const described = new Set(
      [metadata.indices, metadata.checks, metadata.uniques, metadata.foreignKeys, metadata.exclusions]
        .flat()
        .map(({ name }) => name),
    );
    const alter = (text) => runner.query(`ALTER TABLE "${table.name}" ${text}`);
    for (const { name } of [...table.foreignKeys, ...table.checks, ...table.uniques, ...table.exclusions]) {
      if (!described.has(name)) await alter(`DROP CONSTRAINT "${name}" CASCADE`);
    }
    for (const { name } of table.indices) {
      if (!described.has(name)) await runner.query(`DROP INDEX IF EXISTS "${name}"`);
    }
    for (const { name, default: value } of table.columns) {
      const column = metadata.findColumnWithDatabaseName(name);
      if (column === undefined) await alter(`DROP COLUMN "${name}" CASCADE`);
      else if (value !== undefined && column.default === undefined) await alter(`ALTER "${name}" DROP DEFAULT`);
    }
  } finally {
    await runner.release();
  }
}
