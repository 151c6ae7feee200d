import { Cluster } from '../support/cluster.js';
import { checkEvents } from './check-events.js';
import { checkRuns } from './check-runs.js';
import { checkStarts } from './check-starts.js';
import { checkSwitches } from './check-switches.js';
import { Conductor } from './conductor.js';
import { type Evidence, prepareEvidence, readEvidence } from './evidence.js';
import type { History } from './history.js';
import { APIS, type Operation, WORKERS } from './schedule.js';
import { type Violation, violation } from './violation.js';

export interface ChaosOptions {
  /** Whether runs that fail may turn the global switch on. */
  autoKillSwitch: boolean;
  onProgress?: (line: string) => void;
}

export interface ChaosResult {
  violations: Violation[];
  history: History;
  evidence: Evidence;
  /** The ends of the programs' logs. */
  logs: string;
}

/** Runs a schedule on a cluster of its own and checks what came of it against what is promised. */
export async function runChaos(schedule: readonly Operation[], options: ChaosOptions): Promise<ChaosResult> {
  const say = options.onProgress ?? (() => undefined);
  const cluster = await Cluster.start({
    apis: APIS,
    workers: WORKERS,
    environment: { AUTO_KILL_SWITCH_ENABLED: String(options.autoKillSwitch), WORKER_CONCURRENCY: '8' },
    prepare: prepareEvidence,
  });
  try {
    const conductor = new Conductor(cluster, (done, total) => {
      const { starts, faults } = conductor.history;
      const accepted = starts.filter(({ outcome }) => outcome.kind === 'accepted').length;
      say(`${done}/${total} operations: ${accepted} of ${starts.length} starts accepted, ${faults.length} faults`);
    });
    const unfinished = await conductor.perform(schedule);
    const { history } = conductor;
    const evidence = await readEvidence(cluster.database);
    const violations = [
      ...unfinished.map((sentence) => violation('R5', sentence, /run (\S+)/.exec(sentence)?.[1])),
      ...checkStarts(history, evidence),
      ...checkRuns(evidence),
      ...checkSwitches(history, evidence),
      ...checkEvents(history, evidence),
    ];
    return { violations, history, evidence, logs: violations.length > 0 ? cluster.logs(4_000_000) : '' };
  } finally {
    await cluster.close();
  }
}
