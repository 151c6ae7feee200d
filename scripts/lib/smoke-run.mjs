/** The strategy under which smoke checks run, so that nothing of theirs touches others. */
export const SMOKE_STRATEGY = 'smoke';

/** The body of a start that has no effect: a dry run ends before its pipeline, and this one needs no dataset. */
export function smokeRun(mode) {
  return { mode, dryRun: true, pipeline: 'python', strategy: SMOKE_STRATEGY, notes: 'smoke check' };
}
