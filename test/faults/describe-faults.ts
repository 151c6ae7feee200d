import type { FaultPoint } from '@interlock/observability';
import { Cluster } from '../support/cluster.js';
import type { ClusterDatabase } from '../support/cluster-database.js';
import type { ClusterProcess } from '../support/cluster-process.js';
import { Scene } from './scene.js';

/** A crash at a named place, and what must hold all the same. */
export interface FaultScenario {
  /** What is proven, with the number of the invariant. */
  readonly proves: string;
  /** Each of them must really be visited. */
  readonly points: readonly [FaultPoint, ...FaultPoint[]];
  readonly play: (scene: Scene) => Promise<void>;
}

/** Name of a dataset whose calibration lasts for some seconds. */
export const LONG_DATASET = 'long';
/** Name of a dataset whose calibration lasts for minutes. */
export const ENDLESS_DATASET = 'endless';

/** Longest time a scenario may take: some wait until a lost job of the queue is given up, which takes up to 15 s. */
const SCENARIO_DEADLINE_MS = 60_000;

const ENVIRONMENT = {
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
        prepare: addLongDatasets,
      });
      alwaysUp = cluster.programs.filter(({ name }) => name === 'api-1' || up.includes(name));
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
  });
}

/**
 * Datasets of two rows that lie far apart: whoever reads them asks for one page of 5,000 lines after the other, so that a run takes
 * its time without much being stored.
 */
async function addLongDatasets(database: ClusterDatabase): Promise<void> {
  for (const [name, pages] of [
    [LONG_DATASET, 4_000],
    [ENDLESS_DATASET, 400_000],
  ] as const) {
    await database.query(
      `WITH version AS (
         INSERT INTO dataset_versions (id, dataset, state, rows) VALUES (gen_random_uuid(), $1, 'current', 2) RETURNING id
       ), dataset AS (
         INSERT INTO datasets (name, version_id, rows, bytes, sha256, ignored_columns) SELECT $1, id, 2, 1, '', '{}' FROM version
       )
       INSERT INTO dataset_rows (version_id, line, market_id, probability, outcome)
       SELECT id, line, 'market-' || line, 0.5, line % 2 FROM version, unnest($2::integer[]) AS line`,
      [name, [2, pages * 5_000 + 1]],
    );
  }
}
