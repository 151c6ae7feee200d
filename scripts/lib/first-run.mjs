import { ApiClient } from './api-client.mjs';
import { report, say } from './terminal.mjs';

const FINISHED_WITHIN_MS = 60_000;

/**
 * On a database without runs, carries one calibration of the bundled dataset through the API, as an operator would, and
 * prints its result. A refusal or failure is told, never fatal.
 */
export async function showFirstRun(api, token, signal) {
  const client = new ApiClient(api, token, signal);
  try {
    const { items } = await client.call('GET', '/runs?limit=1');
    if (items.length > 0) return;
    const input = { dataset: 'sample' };
    const { runId } = await client.call('POST', '/execution/start', {
      mode: 'mock',
      dryRun: false,
      pipeline: 'calibration',
      input,
    });
    const run = await client.finished(runId, FINISHED_WITHIN_MS);
    if (run.state !== 'completed') {
      report(`the first calibration ended ${run.status}${run.failure ? ` (${run.failure.message})` : ''}`);
      return;
    }
    const { report: result } = await client.call('GET', `/runs/${runId}/report`);
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
