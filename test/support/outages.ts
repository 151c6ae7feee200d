import type { Cluster } from './cluster.js';
import { eventually } from './eventually.js';

/** What a machine that is busy with other suites may add. */
const SLACK_MS = 2_000;
/** Longest time for an answer of health, and of a start, whatever is away. */
const HEALTH_MS = 2_000 + SLACK_MS;
const START_MS = 5_000 + SLACK_MS;
/** After the end of an outage everything works again within this time, mostly within a second. */
const RECOVERY_MS = 30_000;

export interface TimedAnswer {
  status: number;
  body: Record<string, unknown>;
}

/** Answers of a health route, which must come in time. */
export async function askHealth(url: string): Promise<TimedAnswer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(HEALTH_MS) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A start, whose answer must come in time. */
export function start(cluster: Cluster): Promise<TimedAnswer> {
  return cluster.post('/api/execution/start', { dryRun: true }, { timeoutMs: START_MS });
}

/** What the api's and the worker's routes say of themselves: `health` and `ready`, by status. */
export async function statuses(cluster: Cluster): Promise<number[]> {
  const [api, worker] = [cluster.api().url, cluster.worker().url];
  const answers = await Promise.all(
    [`${api}/api/health`, `${api}/api/health/ready`, `${worker}/health`, `${worker}/health/ready`].map(askHealth),
  );
  return answers.map(({ status }) => status);
}

/** Waits until every route says that all is well, and a start is carried out. @param pids of the programs: none was started anew */
export async function expectRecovery(cluster: Cluster): Promise<void> {
  await eventually(
    'everything is ready again',
    async () => (await statuses(cluster)).every((status) => status === 200),
    RECOVERY_MS,
  );
  const accepted = await eventually(
    'a start is accepted',
    async () => {
      const answer = await start(cluster);
      return answer.status === 202 ? answer : undefined;
    },
    RECOVERY_MS,
  );
  const runId = String(accepted.body['runId']);
  await eventually(
    'it is carried out',
    async () => {
      const [run] = await cluster.database.query<{ status: string }>('SELECT status FROM runs WHERE id = $1', [runId]);
      return run?.status === 'DRY_RUN_DONE';
    },
    RECOVERY_MS,
  );
}

/** All programs' pids: the same before and after an outage when every process stayed up. */
export function pids(cluster: Cluster): (number | undefined)[] {
  return cluster.programs.map(({ pid }) => pid);
}
