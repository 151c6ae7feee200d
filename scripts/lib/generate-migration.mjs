import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { UsageError } from './refusal.mjs';
import { schemaDifference } from './schema-difference.mjs';
import { ScratchDatabase } from './scratch-database.mjs';
import { orStop } from './stop-requests.mjs';
import { say, step } from './terminal.mjs';

const FOLDER = 'libs/persistence/src/migrations';
/** The builder changes a column's type by dropping the column. */
const DESTRUCTIVE = /\bDROP (?!NOT NULL|DEFAULT)|\bRENAME\b/;

/** @throws UsageError when it is no name for a migration */
export function checkedName(name) {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name ?? '')) return name;
  throw new UsageError('A migration needs a name of lower-case words joined by hyphens.');
}

/** Writes the migration that the entities ask for, if any; returns the exit status. */
export async function generateMigration(name, signal) {
  const { statements, tables } = await difference(signal);
  if (statements.length === 0) {
    say(`No changes: the migrations give all that the entities of ${tables} tables describe.`);
    return 0;
  }
  if (statements.some((statement) => DESTRUCTIVE.test(statement))) {
    say(
      'Nothing was written: this would lose data. Write the migration by hand (ALTER COLUMN … TYPE … USING, for instance):',
    );
    say(`\n${statements.map((statement) => `  ${statement};`).join('\n')}`);
    return 1;
  }
  const path = write(name, statements);
  say(`${path} (${statements.length} statements), and its place in ${FOLDER}/index.ts.`);
  say('Read it before you apply it: defaults, checks and indexes are yours to add. Then: npm run db:migrate');
  return 0;
}

async function difference(signal) {
  const database = new ScratchDatabase();
  try {
    let url;
    await step('database', async (onProgress) => {
      onProgress('a temporary one');
      url = await database.open(signal);
      return 'a temporary one';
    });
    await step('migrate', async () => `${(await orStop(signal, database.migrateTables())).length} applied`);
    return await orStop(signal, schemaDifference(url));
  } finally {
    await database.remove();
  }
}

function write(name, statements) {
  const last = Math.max(...readdirSync(join(ROOT, FOLDER)).map((file) => Number.parseInt(file, 10) || 0));
  const file = `${last + 1}-${name}`;
  const type = `${name.replace(/(^|-)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase())}${last + 1}`;
  writeFileSync(join(ROOT, FOLDER, `${file}.ts`), migrationText(type, statements), { flag: 'wx' });

  const index = join(ROOT, FOLDER, 'index.ts');
  const text = readFileSync(index, 'utf8')
    .replace(/\n\n\/\*\*/, `\nimport { ${type} } from './${file}.js';\n\n/**`)
    .replace(/\n\];/, `\n  ${type},\n];`);
  writeFileSync(index, text);
  return `${FOLDER}/${file}.ts`;
}

function migrationText(type, statements) {
  const escaped = statements.map((statement) => statement.replace(/[\\`]|\$\{/g, (special) => `\\${special}`));
  return `import type { MigrationInterface, QueryRunner } from 'typeorm';

/** TODO: what for. */
export class ${type} implements MigrationInterface {
  readonly name = '${type}';

  async up(runner: QueryRunner): Promise<void> {
${escaped.map((statement) => `    await runner.query(\`${statement}\`);`).join('\n')}
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
`;
}
