import { writeSync } from 'node:fs';
import { type FaultWish, InvalidSettings } from '@interlock/config';

/**
 * The places at which a crash matters, each named after what has just happened there, or is about to. The suite in `test/faults`
 * visits every one of them: a process dies, stalls or fails there, and what safety.md promises must hold all the same.
 */
export const FAULT_POINTS = [
  // A start, in the api.
  'start-in-transaction',
  'start-after-commit',
  'start-after-enqueue',
  'enqueue-before-add',
  'enqueue-after-add',
  'enqueue-before-mark',
  // A run, in the worker.
  'claim-in-transaction',
  'claim-after-commit',
  'stage-before-result',
  'stage-after-result',
  'run-before-end',
  'run-after-end',
  'retry-after-commit',
  'hand-back-before-commit',
  'hand-back-after-commit',
  'lease-before-renewal',
  'lease-after-renewal',
  'sweep-after-commit',
  // An order, in the worker.
  'order-after-claim',
  'order-after-answer',
  'order-before-resolved',
  'fills-in-transaction',
  // A flatten plan: its start in the api, then the worker.
  'flatten-after-commit',
  'flatten-before-cancel',
  'flatten-before-sale',
  'flatten-after-sale',
  'flatten-sale-ended',
  'flatten-before-end',
  // Those who end it.
  'cancel-after-commit',
  'cancel-heard',
  'halt-before-abort',
  'toggle-in-transaction',
  'toggle-after-commit',
  'trip-before-toggle',
  // Events.
  'alert-before-enqueue',
  'alert-before-send',
  'alert-after-send',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];

/** What an armed fault point with the action `fail` throws. */
export class InjectedFault extends Error {
  constructor(name: FaultPoint) {
    super(`injected at ${name}`);
    this.name = 'InjectedFault';
  }
}

interface ArmedFault {
  readonly action: FaultWish['action'];
  visitsLeft: number;
}

/** Empty in every process but those that a test has armed. */
const armed = new Map<string, ArmedFault>();

/**
 * Arms the points that the settings name, each once. Settings name none unless NODE_ENV is test.
 * @throws InvalidSettings when there is no such point
 */
export function armFaultPoints(wishes: readonly FaultWish[]): void {
  for (const { point, action, visit } of wishes) {
    if (!FAULT_POINTS.some((name) => name === point)) {
      throw new InvalidSettings([`FAULT_POINTS must name fault points: ${FAULT_POINTS.join(', ')}`]);
    }
    armed.set(point, { action, visitsLeft: visit });
  }
}

/**
 * Marks a place at which a test can end, stall or fail this process. Does nothing in a process that is not armed, at the cost of
 * a look into an empty map. Not asynchronous: a process that is killed or frozen does not get past this call.
 * @throws InjectedFault where armed with `fail`
 */
export function faultPoint(name: FaultPoint): void {
  const fault = armed.get(name);
  if (fault === undefined || --fault.visitsLeft > 0) return;
  armed.delete(name);
  strike(name, fault.action);
}

function strike(name: FaultPoint, action: FaultWish['action']): void {
  // Written at once: a log that is written later would be lost, and the test waits for this line.
  writeSync(process.stderr.fd, `fault point ${name}: ${action}\n`);
  switch (action) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      break;
    case 'freeze':
      process.kill(process.pid, 'SIGSTOP');
      break;
    case 'fail':
      throw new InjectedFault(name);
  }
}
