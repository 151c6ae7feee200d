import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { Refusal } from './refusal.mjs';
import { runCommand } from './run-command.mjs';

/** The committed document: what the api that is built from this code serves at /api/openapi.json. */
export const DOCUMENT = 'docs/openapi.json';

/** The document as the built code has it, as text. Needs no database. */
async function generated() {
  const { describeApi } = await import(join(ROOT, 'dist/apps/api/docs/describe-api.js'));
  return `${JSON.stringify(await describeApi(), null, 2)}\n`;
}

/** Brings the committed document in step with the code. */
export async function writeDocument() {
  const text = await generated();
  writeFileSync(join(ROOT, DOCUMENT), text);
  return summary(text);
}

/** @throws Refusal when the committed document is not what the code has */
export async function compareDocument() {
  const text = await generated();
  if (text === committed()) return summary(text);
  throw new Refusal(
    `${DOCUMENT} is not what the code says. Renew it, look at the difference, and commit it:\n\n` +
      '  npm run openapi:write && npm run client:generate',
  );
}

/** Holds the document against the rules of redocly.yaml. Nothing is fetched, and nothing is told to anybody. */
export async function lintDocument({ signal }) {
  const lint = ['node_modules/@redocly/cli/bin/cli.js', 'lint', DOCUMENT, '--config', 'redocly.yaml'];
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  await runCommand('The linter', process.execPath, [...lint, '--format', 'stylish'], { signal, env });
}

function committed() {
  try {
    return readFileSync(join(ROOT, DOCUMENT), 'utf8');
  } catch {
    return '';
  }
}

function summary(text) {
  const methods = Object.values(JSON.parse(text).paths).flatMap((path) => Object.keys(path));
  return `${methods.length} operations`;
}
