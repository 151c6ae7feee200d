import { writeFileSync } from 'node:fs';
import { TEST_BACKEND } from '../support/test-queue.js';
import { planOfSale } from './flatten-evidence.js';
import type { ToggleRecord } from './history.js';
import { reportFailure } from './report.js';
import { type ChaosOptions, type ChaosResult, runChaos } from './run-chaos.js';
import { makeSchedule, type Operation } from './schedule.js';
import { shrink } from './shrink.js';

/** `npm run test:chaos` sets these (scripts/test-chaos.mjs); `npm test` runs the short form. */
const {
  INTERLOCK_CHAOS_SEED: seedText = '7',
  INTERLOCK_CHAOS_OPERATIONS: operationsText = '600',
  INTERLOCK_CHAOS_AUTO_KILL_SWITCH: autoText = 'false',
  INTERLOCK_CHAOS_SHRINK_MINUTES: shrinkText = '0',
  INTERLOCK_CHAOS_LOGS: logFile,
} = process.env;
const isLong = process.env['INTERLOCK_CHAOS_SEED'] !== undefined;
const seed = Number(seedText);
const operations = Number(operationsText);
const shrinkMs = Number(shrinkText) * 60_000;

/** Generous: what bounds the suite is its schedule. */
const TIMEOUT_MS = 180_000 + operations * 300 + shrinkMs;

const options: ChaosOptions = {
  autoKillSwitch: autoText === 'true',
  ...(isLong ? { onProgress: say } : {}),
};

it(
  `K1-K5, K7, R1-R6, G1, O1-O5 and E1 hold over ${operations} operations while processes die (seed ${seed}, queue in ${TEST_BACKEND})`,
  async () => {
    const schedule = makeSchedule(seed, operations, TEST_BACKEND === 'redis');
    const result = await runChaos(schedule, options);
    say(summary(result));
    if (result.violations.length > 0) {
      say(reportFailure(seed, schedule, result));
      if (logFile !== undefined) writeFileSync(logFile, result.logs);
      if (shrinkMs > 0) await reportSmallest(schedule, result);
    }
    expect(result.violations.map(({ rule, sentence }) => `${rule}: ${sentence}`)).toEqual([]);
  },
  TIMEOUT_MS,
);

/** Tells of the smallest schedule found under which one of the same rules is broken. */
async function reportSmallest(schedule: readonly Operation[], { violations }: ChaosResult): Promise<void> {
  const rules = new Set(violations.map(({ rule }) => rule));
  let last: ChaosResult | undefined;
  const smallest = await shrink(
    schedule,
    async (candidate) => {
      const result = await runChaos(candidate, { autoKillSwitch: options.autoKillSwitch });
      const fails = result.violations.some(({ rule }) => rules.has(rule));
      if (fails) last = result;
      say(`shrinking: ${candidate.length} operations ${fails ? 'fail' : 'pass'}`);
      return fails;
    },
    performance.now() + shrinkMs,
  );
  if (last === undefined) say('no shorter schedule was found to fail');
  else say(`SMALLEST FOUND\n${reportFailure(seed, smallest, last)}`);
}

function summary({ history, evidence }: ChaosResult): string {
  const toggles = history.toggles.filter(({ outcome }) => outcome.kind === 'changed');
  const slowest = Math.max(0, ...toggles.map(({ sentAt, receivedAt }) => receivedAt - sentAt));
  return [
    `seed ${seed}, queue in ${TEST_BACKEND}: ${toggles.length} toggles, the slowest answered after ${slowest} ms, ${toggles.filter(leftUnknown).length} with unknown orders`,
    `  faults: ${count(history.faults.map(({ deed, target }) => `${deed} ${target}`))}`,
    `  starts: ${count(history.starts.map(({ outcome }) => ('code' in outcome ? outcome.code : outcome.kind)))}`,
    `  runs: ${count([...evidence.runs.values()].map(({ status }) => status))}`,
    `  refused or ended early: ${count([...evidence.runs.values()].flatMap(({ status, failure }) => (failure === null ? [] : [`${status} ${failure.reason.split(':')[0]}`])))}`,
    `  orders asked for: ${count(history.orders.map(({ outcome }) => ('code' in outcome ? outcome.code : outcome.kind)))}`,
    `  orders: ${count([...evidence.orders.values()].map(({ status, reason }) => (reason === null ? status : `${status} ${reason}`)))}`,
    `  fills: ${evidence.ledgerFills.length}, orders that were unknown: ${unknownIn(evidence)}, desks: ${evidence.desks.length}`,
    `  flattens asked for: ${count(history.flattens.map(({ outcome }) => ('code' in outcome ? outcome.code : outcome.kind)))}`,
    `  flatten plans: ${count([...evidence.plans.values()].map(({ status, failure }) => (failure === null ? status : `${status} ${failure.split(' ')[0]}`)))}, sales: ${salesIn(evidence)}`,
    `  the venue took orders for ${admittingShare(evidence)}% of the time`,
    `  takeovers: ${[...evidence.changes.values()].flat().filter(({ from, to }) => from === 'RUNNING' && to === from).length}`,
  ].join('\n');
}

function admittingShare({ conditions }: ChaosResult['evidence']): number {
  const spans = conditions
    .slice(1)
    .map(({ at }, index) => ({ ms: at - (conditions[index]?.at ?? at), ...conditions[index] }));
  const sum = (those: typeof spans) => those.reduce((total, { ms }) => total + ms, 0);
  return Math.round((100 * sum(spans.filter(({ admits }) => admits))) / Math.max(1, sum(spans)));
}

function leftUnknown({ outcome }: ToggleRecord): boolean {
  return outcome.kind === 'changed' && outcome.effect.ordersUnknown !== 0;
}

function salesIn({ orders }: ChaosResult['evidence']): string {
  const sales = [...orders.values()].filter(({ key }) => planOfSale(key) !== undefined);
  return `${sales.length} (${count(sales.map(({ status }) => status))})`;
}

function unknownIn({ orderChanges }: ChaosResult['evidence']): number {
  return [...orderChanges.values()].filter((changes) => changes.some(({ to }) => to === 'UNKNOWN')).length;
}

/** `3 this, 1 that`. */
function count(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, times]) => `${times} ${name}`).join(', ');
}

/** Past Jest, which keeps what tests write until they end. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
