import { canBecome, isFinal, RUN_STATES, RUN_STATUSES, type RunStatus, stateOf, statusesOf } from './run.js';

const sourcesOf = (to: RunStatus) => RUN_STATUSES.filter((from) => canBecome(from, to));

describe('run states', () => {
  it('shows every stored status as exactly one public state', () => {
    expect(RUN_STATES.flatMap(statusesOf).toSorted()).toEqual(RUN_STATUSES.toSorted());
    for (const status of RUN_STATUSES) expect(statusesOf(stateOf(status))).toContain(status);
  });

  it('R1 lets nothing follow a final status, and a final status follow from every other', () => {
    const final = RUN_STATUSES.filter(isFinal);
    expect(final).toEqual(['DRY_RUN_DONE', 'COMPLETED', 'FAILED', 'ENQUEUE_FAILED', 'EXPIRED', 'BLOCKED', 'CANCELED']);
    for (const from of final) for (const to of RUN_STATUSES) expect(canBecome(from, to)).toBe(false);
    for (const from of RUN_STATUSES.filter((status) => !isFinal(status))) {
      expect(final.some((to) => canBecome(from, to))).toBe(true);
    }
  });

  it('R2 lets a run be marked ENQUEUE_FAILED only while nobody has claimed it', () => {
    expect(sourcesOf('ENQUEUE_FAILED')).toEqual(['QUEUED']);
  });

  it('R4 lets only waiting runs, and those whose worker was lost, be claimed', () => {
    expect(sourcesOf('RUNNING')).toEqual(['QUEUED', 'RETRYING', 'RUNNING']);
  });
});
