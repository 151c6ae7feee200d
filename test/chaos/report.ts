import type { Testimony } from '../support/cluster-witness.js';
import type { RunChange } from './evidence.js';
import type { OrderChange, VenueOrderChange } from './order-evidence.js';
import { beganAt, type HistoryRecord } from './history.js';
import type { ChaosResult } from './run-chaos.js';
import { describeOperation, type Operation } from './schedule.js';
import type { Violation } from './violation.js';

/** Violations that are told in full; the others are counted. */
const MOST_IN_FULL = 5;

/** What a person needs to follow a failure: the promises broken, the history that concerns them, the schedule. */
export function reportFailure(seed: number, schedule: readonly Operation[], result: ChaosResult): string {
  const { violations } = result;
  return [
    `CHAOS: ${violations.length} promises broken; seed ${seed}, ${schedule.length} operations`,
    ...violations.map(({ rule, sentence, about }) => `  ${rule}: ${sentence} (${about.join(', ')})`),
    ...violations.slice(0, MOST_IN_FULL).flatMap((broken) => historyOf(broken, result)),
    '',
    `SCHEDULE (seed ${seed})`,
    ...schedule.map(describeOperation),
  ].join('\n');
}

interface Line {
  at: number;
  text: string;
}

/** The requests, faults, changes and signs of life that concern a violation, in order. */
function historyOf({ rule, sentence, about }: Violation, { history, evidence }: ChaosResult): string[] {
  const concerned = new Set(about);
  const runIds = [...evidence.runs.values()]
    .filter(({ id, key }) => concerned.has(id) || (key !== null && concerned.has(key)))
    .map(({ id }) => id);
  const orderIds = [...evidence.orders.values()]
    .filter(({ id, key }) => concerned.has(id) || (key !== null && concerned.has(key)))
    .map(({ id }) => id);
  for (const id of [...runIds, ...orderIds]) concerned.add(id);
  const changes = runIds.flatMap((id) => evidence.changes.get(id) ?? []);
  const signs = runIds.flatMap((id) => evidence.witness.get(id) ?? []);
  const orderChanges = orderIds.flatMap((id) => evidence.orderChanges.get(id) ?? []);
  const atVenue = [...concerned].flatMap((id) => evidence.venueChanges.get(id) ?? []);
  const requests = history.records.filter((record) => record.kind !== 'fault' && concerns(record, concerned));
  const lines: Line[] = [
    ...requests.map((record) => ({ at: beganAt(record), text: JSON.stringify(record) })),
    ...changes.map((change) => ({ at: change.at, text: describeChange(change) })),
    ...signs.map((sign) => ({ at: sign.at, text: describeSign(sign) })),
    ...orderChanges.map((change) => ({ at: change.at, text: describeOrderChange(change) })),
    ...atVenue.map((change) => ({ at: change.at, text: describeVenueChange(change) })),
  ];
  const [from, until] = [Math.min(...lines.map(({ at }) => at)), Math.max(...lines.map(({ at }) => at))];
  const faults = history.faults.filter((fault) => fault.until > from - 1_000 && fault.from < until + 1_000);
  lines.push(...faults.map((fault) => ({ at: fault.from, text: JSON.stringify(fault) })));
  const sorted = lines.toSorted((a, b) => a.at - b.at);
  return ['', `HISTORY of ${rule}: ${sentence}`, ...sorted.map(({ at, text }) => `  ${timeOf(at)} ${text}`)];
}

function concerns(record: HistoryRecord, concerned: ReadonlySet<string>): boolean {
  if (concerned.has(`#${record.operation}`)) return true;
  switch (record.kind) {
    case 'start':
      return (
        (record.key !== undefined && concerned.has(record.key)) ||
        ('runId' in record.outcome && record.outcome.runId !== undefined && concerned.has(record.outcome.runId))
      );
    case 'toggle':
      return concerned.has(record.scope);
    case 'flatten':
      return concerned.has(record.scope) || ('planId' in record.outcome && concerned.has(record.outcome.planId));
    case 'cancel':
      return concerned.has(record.runId);
    case 'order':
      return (
        (record.key !== undefined && concerned.has(record.key)) ||
        ('orderId' in record.outcome && concerned.has(record.outcome.orderId))
      );
    case 'cancel-order':
      return concerned.has(record.orderId);
    case 'market':
    case 'fault':
      return false;
  }
}

function describeChange({ runId, from, to, epoch }: RunChange): string {
  return `run ${runId}: ${from ?? 'new'} → ${to}, epoch ${epoch}`;
}

function describeOrderChange({ orderId, from, to, version }: OrderChange): string {
  return `order ${orderId}: ${from ?? 'new'} → ${to}, version ${version}`;
}

function describeVenueChange({ orderId, from, to }: VenueOrderChange): string {
  return `at the venue ${orderId}: ${from ?? 'new'} → ${to}`;
}

function describeSign({ runId, epoch, pid, stage, kind }: Testimony): string {
  return `witness ${runId}: ${kind} of ${stage}, epoch ${epoch}, process ${pid}`;
}

function timeOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(11, -1) : '-';
}
