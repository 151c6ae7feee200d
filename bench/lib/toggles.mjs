/** Callers that start runs without a pause. */
const CALLERS = 6;

/**
 * Turns the global switch on and off while starts stream in, without a worker. By the database's own times, which are taken under the
 * switch's lock, it finds the starts that were admitted while the switch was on.
 * @returns `{ toggles, accepted, refused, late }`
 */
export async function toggleWhileStarting(api, system, toggles) {
  const counts = { accepted: 0, refused: 0 };
  const over = new AbortController();
  const stream = async () => {
    while (!over.signal.aborted) {
      const { status, body } = await api.post('/execution/start', { dryRun: true });
      if (status === 202) counts.accepted += 1;
      else if (body.code === 'KILL_SWITCH_ON') counts.refused += 1;
      else throw new Error(`a start was answered ${status} ${JSON.stringify(body)}`);
    }
  };
  const streams = Promise.all(Array.from({ length: CALLERS }, stream));
  try {
    for (let round = 0; round < toggles; round += 1) {
      await api.stop(true);
      await api.stop(false);
    }
  } finally {
    over.abort();
    await streams;
  }
  await system.query('CREATE INDEX runs_under_test ON runs (created_at)');
  const [{ rounds, late }] = await system.query(
    `WITH changes AS (
       SELECT event, at, lead(at) OVER (ORDER BY id) AS until FROM ops_events
       WHERE event IN ('kill_switch_on', 'kill_switch_off')
     )
     SELECT count(*)::int AS rounds,
            coalesce(sum((SELECT count(*) FROM runs WHERE created_at > at AND created_at < until)), 0)::int AS late
     FROM changes WHERE event = 'kill_switch_on'`,
  );
  if (rounds !== toggles) throw new Error(`${rounds} of ${toggles} rounds are known`);
  await system.query('DROP INDEX runs_under_test; TRUNCATE runs CASCADE');
  await system.forgetJobs();
  return { toggles, ...counts, late };
}
