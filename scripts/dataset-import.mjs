#!/usr/bin/env node
import { resolve } from 'node:path';
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run dataset:import -- <name> <file>

Imports a file of resolved markets under a name, in the place of what the name had before: as a whole, or not at all when something
is wrong with it. The file is CSV with a header, or, when its name ends in .ndjson or .jsonl, one JSON object per line.
Columns: market_id, probability, outcome; optional: platform, category, question, as_of, resolved_at.

  INTERLOCK_URL     address of the api, default http://127.0.0.1:PORT
  ADMIN_API_TOKEN   a token of role operator or above; default: the one in the home folder`;

// Paths are meant from where npm was called.
const folder = process.env.INIT_CWD ?? process.cwd();

const main = async ({ signal, args }) => {
  const { importFile, shownFaults } = await import('./lib/dataset-upload.mjs');
  const { say, step } = await import('./lib/terminal.mjs');
  const { UsageError } = await import('./lib/refusal.mjs');
  const [name, file, ...more] = args;
  if (name === undefined || file === undefined || more.length > 0) throw new UsageError('Give a name and a file.');

  let imported;
  const upload = async (onProgress) => {
    imported = await importFile({ name, path: resolve(folder, file), signal, onProgress });
    return imported.kind === 'imported' ? `${imported.dataset.rows} rows` : 'refused';
  };
  try {
    await step('import', upload);
  } catch (error) {
    if (signal.aborted) say('  Nothing was changed, unless the whole file had been sent.');
    throw error;
  }
  if (imported.kind === 'invalid') {
    say(
      `\nThe file has ${imported.faultCount} ${imported.faultCount === 1 ? 'fault' : 'faults'}; nothing was changed.\n`,
    );
    say(shownFaults(imported));
    return 1;
  }
  const { dataset, created } = imported;
  say(`  ${created ? 'new dataset' : 'replaced'} ${dataset.name}, sha256 ${dataset.sha256}`);
  if (dataset.ignoredColumns.length > 0) say(`  columns that were ignored: ${dataset.ignoredColumns.join(', ')}`);
  return 0;
};

void import('./lib/command.mjs').then(({ runScript }) => runScript(help, main, { passArguments: true }));
