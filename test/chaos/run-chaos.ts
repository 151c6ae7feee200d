import { Cluster } from '../support/cluster.js';
import { checkBooks, checkLedger } from './check-books.js';
import { checkEvents } from './check-events.js';
import { checkFlattens } from './check-flattens.js';
import { checkLimits } from './check-limits.js';
import { checkOrders } from './check-orders.js';
import { checkOrderStops } from './check-order-stops.js';
import { checkRuns } from './check-runs.js';
import { checkStarts } from './check-starts.js';
import { checkSwitches } from './check-switches.js';
import { Conductor } from './conductor.js';
import { type Evidence, prepareEvidence, readEvidence } from './evidence.js';
import type { History } from './history.js';
import { LIMITS } from './order-schedule.js';
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

/**
 * Low limits, which the schedule's orders meet again and again; an answer of the venue is waited for so shortly that slow ones leave orders
 * unknown; and orders that wait for a desk for long expire.
 */
const TRADING = {
  MAX_POSITION_LIMIT: String(LIMITS.position),
  RISK_MAX_STRATEGY_EXPOSURE: String(LIMITS.strategyExposure),
  RISK_MAX_OPEN_ORDERS: String(LIMITS.openOrders),
  ORDER_RATE_LIMIT_PER_MIN: String(LIMITS.ordersPerMinute),
  VENUE_SUBMIT_TIMEOUT_MS: '700',
  ORDER_SEND_MAX_AGE_MS: '8000',
};

/** Runs a schedule on a cluster of its own and checks what came of it against what is promised. */
export async function runChaos(schedule: readonly Operation[], options: ChaosOptions): Promise<ChaosResult> {
  const say = options.onProgress ?? (() => undefined);
  const cluster = await Cluster.start({
    apis: APIS,
    workers: WORKERS,
    environment: {
      ...TRADING,
      AUTO_KILL_SWITCH_ENABLED: String(options.autoKillSwitch),
      WORKER_CONCURRENCY: '8',
    },
    prepare: prepareEvidence,
  });
  try {
    const conductor = new Conductor(cluster, (done, total) => {
      const { starts, orders, faults } = conductor.history;
      const accepted = starts.filter(({ outcome }) => outcome.kind === 'accepted').length;
      const admitted = orders.filter(({ outcome }) => outcome.kind === 'admitted').length;
      say(
        `${done}/${total} operations: ${accepted} of ${starts.length} starts accepted, ` +
          `${admitted} of ${orders.length} orders admitted, ${faults.length} faults`,
      );
    });
    const unfinished = await conductor.perform(schedule);
    const { history } = conductor;
    const evidence = await readEvidence(cluster.database);
    const violations = [
      ...unfinished.map((sentence) => violation('R5', sentence, /(?:run|order|plan) (\S+)/.exec(sentence)?.[1])),
      ...checkStarts(history, evidence),
      ...checkRuns(evidence),
      ...checkSwitches(history, evidence),
      ...checkEvents(history, evidence),
      ...checkOrders(history, evidence),
      ...checkOrderStops(history, evidence),
      ...checkFlattens(history, evidence),
      ...checkLimits(evidence),
      ...checkBooks(evidence),
      ...(await checkLedger(cluster.database.url)),
    ];
    return { violations, history, evidence, logs: violations.length > 0 ? cluster.logs(4_000_000) : '' };
  } finally {
    await cluster.close();
  }
}
