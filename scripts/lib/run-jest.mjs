import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { TEST_BACKENDS } from '../../test/support/test-backends.js';
import { ROOT } from './environment.mjs';
import { say } from './terminal.mjs';

/** Suites that fail beside the others are tried alone when there are no more than this: with more, the machine is not the reason. */
const MOST_TRIED_AGAIN = 6;

/**
 * Runs Jest and prints the counts as the last line; returns the exit status. In CI (CI=true), where suites with real processes share a
 * few busy cores, those that fail are run once more, one at a time; each that passes then is told, since its deadline or the product's
 * is too tight and wants looking into.
 */
export async function runJest(args, signal) {
  const folder = mkdtempSync(join(tmpdir(), 'interlock-jest-'));
  try {
    const first = await attempt(args, join(folder, 'results.json'), signal);
    if (!TEST_BACKENDS.includes('redis')) {
      say('SKIPPED: the suites with the queue in Redis, since there is no redis-server (6.2 or later).');
    }
    const { passed, failed, skipped } = await withoutBusyness(first, folder, signal);
    say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    if (passed + failed === 0 || failed > 0) return 1;
    return first.failed > 0 ? 0 : first.status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The counts, with those of the suites that pass alone. */
async function withoutBusyness(first, folder, signal) {
  const { suites } = first;
  const isWorthIt = process.env.CI === 'true' && suites.length > 0 && suites.length <= MOST_TRIED_AGAIN;
  if (!isWorthIt || signal.aborted) return first;
  say(`AGAIN, alone: ${suites.map((suite) => relative(ROOT, suite)).join(', ')}`);
  const again = await attempt(['--runInBand', '--runTestsByPath', ...suites], join(folder, 'again.json'), signal);
  const failed = again.passed + again.failed === 0 ? first.failed : Math.min(again.failed, first.failed);
  const recovered = first.failed - failed;
  if (recovered > 0) say(`TOO TIGHT: ${recovered} passed only alone; see above which failed beside the others.`);
  return { ...first, passed: first.passed + recovered, failed };
}

async function attempt(args, results, signal) {
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
  return { status, ...countsIn(results) };
}

function countsIn(path) {
  let results;
  try {
    results = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, suites: [] }; // Jest was interrupted or could not even begin; it has said why
  }
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    skipped: results.numPendingTests + results.numTodoTests,
    suites: [...new Set(results.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name))],
  };
}
