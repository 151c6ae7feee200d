import { existingAdminToken } from './admin-token.mjs';
import { ApiClient, configuredApi, describeAnswer } from './api-client.mjs';
import { homeFolder } from './environment.mjs';
import { UsageError } from './refusal.mjs';
import { smokeRun } from './smoke-run.mjs';
import { say } from './terminal.mjs';

const MODES = ['mock', 'paper', 'live'];
const FINISHED_WITHIN_MS = 60_000;

/** Carries a dry run through the queue; returns the exit status. */
export async function queueSmoke(mode, signal) {
  if (!MODES.includes(mode)) throw new UsageError(`The mode must be one of ${MODES.join(', ')}.`);
  const client = new ApiClient(configuredApi(), existingAdminToken(homeFolder()), signal);
  const begin = performance.now();
  const took = () => `${((performance.now() - begin) / 1000).toFixed(2)} s`;

  say(`A dry run in mode ${mode} on ${client.base}`);
  const answer = await client.request('POST', '/execution/start', smokeRun(mode));
  if (answer.status !== 202) {
    say(`  refused    ${describeAnswer(answer)}`);
    return 1;
  }
  const { runId } = answer.body;
  say(`  accepted   run ${runId}  ${took()}`);
  const run = await client.finished(runId, FINISHED_WITHIN_MS, (state) => say(`  ${state.padEnd(10)} ${took()}`));
  say(`${run.status}${run.failure ? `: ${run.failure.message}` : ''}`);
  return run.status === 'DRY_RUN_DONE' ? 0 : 1;
}
