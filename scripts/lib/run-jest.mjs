import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_BACKENDS } from '../../test/support/test-backends.js';
import { ROOT } from './environment.mjs';
import { say } from './terminal.mjs';

/** Runs Jest and prints the counts as the last line; returns the exit status. */
export async function runJest(args, signal) {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-jest-'));
  const results = join(folder, 'results.json');
  try {
    const jest = ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${results}`, ...args];
    // ES modules under Jest need the first flag; the second only silences its warning.
    const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const child = spawn(process.execPath, [...flags, ...jest], { cwd: ROOT, stdio: 'inherit' });
    // A terminal's Ctrl-C reaches Jest by itself; a signal to us alone is passed on. Either way we wait for its end.
    signal.addEventListener('abort', () => child.kill(signal.reason.signal), { once: true });
    const status = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    if (!TEST_BACKENDS.includes('redis')) {
      say('SKIPPED: the suites with the queue in Redis, since there is no redis-server (6.2 or later).');
    }
    const { passed, failed, skipped } = countsIn(results);
    say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    return passed + failed === 0 || failed > 0 ? 1 : status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countsIn(path) {
  let results;
  try {
    results = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }; // Jest was interrupted or could not even begin; it has said why
  }
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}
