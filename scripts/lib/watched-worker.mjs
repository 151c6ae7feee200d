import { fileURLToPath } from 'node:url';
import { built, setting } from './environment.mjs';
import { StopRequested } from './refusal.mjs';
import { Service } from './service.mjs';
import { report } from './terminal.mjs';
import { watchBuild } from './watch-build.mjs';

/** What the worker gets to finish its runs, unless SHUTDOWN_GRACE_MS says otherwise, and what it gets beyond that. */
const GRACE_MS = 5_000;
const MARGIN_MS = 1_500;

/** Runs a worker that follows the sources, until a stop is requested; returns the exit status. */
export async function runWatchedWorker(signal) {
  const graceMs = Number(setting('SHUTDOWN_GRACE_MS') ?? GRACE_MS);
  const environment = () => ({ ...process.env, SHUTDOWN_GRACE_MS: String(graceMs) });
  const worker = new Service('worker', fileURLToPath(built('apps/worker/main.js')), environment);
  worker.start();
  const ending = new AbortController();
  try {
    await Promise.race([watchBuild(AbortSignal.any([signal, ending.signal]), () => worker.restart()), worker.failed]);
    return 0;
  } catch (error) {
    if (!(error instanceof StopRequested)) throw error;
    report('stopping');
    return 0;
  } finally {
    ending.abort(new StopRequested('SIGTERM'));
    await worker.stop(graceMs + MARGIN_MS);
  }
}
