import type { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

/** After an outage everything is to work again by itself within this time. */
const RECOVERY_MS = 60_000;

/** Waits until every program says that it is ready, and both a stop and a start are carried out, by whichever worker. */
export async function expectRecovery(cluster: Cluster): Promise<void> {
  for (const program of cluster.programs) {
    const [health, ready] = program.name.startsWith('api')
      ? ['/api/health', '/api/health/ready']
      : ['/health', '/health/ready'];
    let said = '';
    await eventually(
      `${program.name} is well and ready`,
      async () => {
        const answers = await Promise.all([health, ready].map((path) => fetch(program.url + path)));
        said = (await Promise.all(answers.map((answer) => answer.text()))).join('\n');
        return answers.every(({ ok }) => ok);
      },
      RECOVERY_MS,
    ).catch((error: unknown) => {
      throw new Error(`${program.name} says ${said}`, { cause: error });
    });
  }
  for (const index of cluster.apis.keys()) await expectStartCarriedOut(cluster, index);
}

/** A start is accepted and its run carried out. */
export async function expectStartCarriedOut(cluster: Cluster, api = 0): Promise<void> {
  const accepted = await eventually(
    'a start is accepted',
    async () => {
      const answer = await cluster.post('/api/execution/start', { dryRun: true }, { api });
      return answer.status === 202 ? answer : undefined;
    },
    RECOVERY_MS,
  );
  await expectStatus(cluster, String(accepted.body['runId']), 'DRY_RUN_DONE');
}

export async function expectStatus(cluster: Cluster, runId: string, wanted: string): Promise<void> {
  let status: string | undefined;
  await eventually(
    `the run ${runId} becomes ${wanted}`,
    async () => {
      [status] = (
        await cluster.database.query<{ status: string }>('SELECT status FROM runs WHERE id = $1', [runId])
      ).map((run) => run.status);
      return status === wanted;
    },
    RECOVERY_MS,
  ).catch((error: unknown) => {
    throw new Error(`it is ${status}`, { cause: error });
  });
}

/** All programs' pids: the same before and after when every process stayed up. */
export function pids(cluster: Cluster): (number | undefined)[] {
  return cluster.programs.map(({ pid }) => pid);
}
