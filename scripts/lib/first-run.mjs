import { setTimeout as delay } from 'node:timers/promises';
import { report, say } from './terminal.mjs';

const FINISHED_WITHIN_MS = 60_000;

/**
 * On a database without runs, carries one calibration of the bundled dataset through the API, as an operator would, and
 * prints its result. A refusal or failure is told, never fatal.
 */
export async function showFirstRun(api, token, signal) {
  const call = caller(api, token, signal);
  try {
    const { items } = await call('GET', '/runs?limit=1');
    if (items.length > 0) return;
    const input = { dataset: 'sample' };
    const { runId } = await call('POST', '/execution/start', {
      mode: 'mock',
      dryRun: false,
      pipeline: 'calibration',
      input,
    });
    const run = await finished(call, runId);
    if (run.state !== 'completed') {
      report(`the first calibration ended ${run.status}${run.failure ? ` (${run.failure.message})` : ''}`);
      return;
    }
    const { report: result } = await call('GET', `/runs/${runId}/report`);
    say();
    say(`  First calibration, of the bundled real results (dataset "sample"):`);
    say(`  ${summary(result)} · report at ${api}/runs/${runId}/report`);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    report(`the first calibration could not be carried out: ${error.message}`);
  }
}

function summary({ n, brier, logLoss, ece }) {
  return `${n} markets · Brier ${brier.toFixed(4)} · log loss ${logLoss.toFixed(4)} · ECE ${ece.toFixed(4)}`;
}

async function finished(call, runId) {
  const deadline = Date.now() + FINISHED_WITHIN_MS;
  for (;;) {
    const { run } = await call('GET', `/runs/${runId}`);
    if (!['queued', 'running'].includes(run.state)) return run;
    if (Date.now() > deadline)
      throw new Error(`run ${runId} is still ${run.state} after ${FINISHED_WITHIN_MS / 1000} s`);
    await delay(50);
  }
}

function caller(api, token, signal) {
  return async (method, path, body) => {
    const response = await fetch(`${api}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${answer.message} (${answer.code})`);
    return answer;
  };
}
