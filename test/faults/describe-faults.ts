import type { FaultPoint } from '@interlock/observability';
import { isFinal, RUN_STATUSES } from '../../libs/execution/src/run.js';
import { Cluster } from '../support/cluster.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import { createWitnessTable } from '../support/cluster-witness.js';
import { expectEndsOnce } from './expectations.js';
import { Scene } from './scene.js';

/** A crash at a named place, and what must hold all the same. */
export interface FaultScenario {
  /** What is proven, with the number of the invariant. */
  readonly proves: string;
  /** Each of them must really be visited. */
  readonly points: readonly [FaultPoint, ...FaultPoint[]];
  readonly play: (scene: Scene) => Promise<void>;
}

/** Longest time a scenario may take: some wait until a lost job of the queue is given up, which takes up to 15 s. */
const SCENARIO_DEADLINE_MS = 60_000;

const ENVIRONMENT = {
  WITNESS_PIPELINE: 'true',
  // Long runs and failing ones are the rule here.
  AUTO_KILL_SWITCH_ENABLED: 'false',
};

export interface FaultSuite {
  /** The processes that are up, and not armed, for every scenario, by their names; api 1 always is. */
  readonly up?: readonly string[];
  readonly environment?: () => Record<string, string>;
}

/** Plays scenarios one after the other on one cluster of two apis and two workers. */
export function describeFaults(
  title: string,
  scenarios: readonly FaultScenario[],
  { up = [], environment = () => ({}) }: FaultSuite = {},
): void {
  describe(title, () => {
    let cluster: Cluster;
    let alwaysUp: readonly ClusterProcess[];
    let count = 0;

    beforeAll(async () => {
      cluster = await Cluster.start({
        apis: 2,
        workers: 2,
        environment: { ...ENVIRONMENT, ...environment() },
        prepare: createWitnessTable,
        up: ['api-1', ...up],
      });
      alwaysUp = cluster.programs.filter(({ name }) => ['api-1', ...up].includes(name));
    }, 60_000);

    afterAll(() => cluster.close());

    it.each(scenarios.map((scenario) => ({ ...scenario, at: scenario.points.join(', ') })))(
      '$at: $proves',
      async ({ points, play }) => {
        const scene = new Scene(cluster, `scenario-${count++}`);
        try {
          await scene.only(alwaysUp);
          await play(scene);
          expect(scene.visited).toEqual(expect.arrayContaining([...points]));
        } catch (error) {
          throw new Error(`${error instanceof Error ? error.message : String(error)}\n${cluster.logs(3_000)}`, {
            cause: error,
          });
        }
      },
      SCENARIO_DEADLINE_MS,
    );

    it(
      'R1, R5 afterwards every run has ended, once',
      async () => {
        const scene = new Scene(cluster, 'afterwards');
        await scene.only([cluster.api(1), cluster.worker(0)]);
        const runs = await scene.query<{ id: string }>('SELECT id FROM runs');
        await Promise.all(runs.map(({ id }) => scene.letNudgeAge(id)));
        for (const { id } of runs) {
          const { status } = await scene.reaches(id, ...RUN_STATUSES.filter(isFinal));
          await expectEndsOnce(scene, id, status);
        }
      },
      SCENARIO_DEADLINE_MS,
    );
  });
}
