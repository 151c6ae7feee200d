import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { DOCUMENT } from './openapi-document.mjs';
import { Refusal } from './refusal.mjs';

/** What is generated, and nothing else. */
export const CLIENT = 'clients/typescript/src';

/** Generates the client from the committed document. */
export async function writeClient() {
  await generateTo(join(ROOT, CLIENT));
  return summary(contentsOf(join(ROOT, CLIENT)));
}

/** @throws Refusal when the committed client is not what the committed document gives */
export async function compareClient() {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-client-'));
  try {
    await generateTo(join(folder, 'src'));
    const wanted = contentsOf(join(folder, 'src'));
    if (JSON.stringify(wanted) === JSON.stringify(contentsOf(join(ROOT, CLIENT)))) return summary(wanted);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  throw new Refusal(`${CLIENT} is not what ${DOCUMENT} gives. Renew and commit it:\n\n  npm run client:generate`);
}

async function generateTo(path) {
  const { createClient } = await import('@hey-api/openapi-ts');
  await createClient({
    input: join(ROOT, DOCUMENT),
    output: { path, module: { extension: '.js' } },
    logs: { level: 'silent', file: false },
    plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
  });
}

/** Names and contents of all files below a folder. */
function contentsOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]);
}

function summary(contents) {
  return `${contents.length} files`;
}
