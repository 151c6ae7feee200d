import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A trip raises a switch from `reduce` to `halt`, once for each cause until a person turns the switch off. So a switch remembers when that
 * was last: a trigger keeps it, since processes of the release before this one change switches as well while an upgrade is under way.
 */
export class TripsWhileReducing1764000000019 implements MigrationInterface {
  readonly name = 'TripsWhileReducing1764000000019';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}

const STATEMENTS = [
  // The version at which the switch was turned off last; 0: it never was.
  'ALTER TABLE kill_switches ADD COLUMN released_version integer NOT NULL DEFAULT 0',
  // What has tripped a switch that is on names the version before.
  'UPDATE kill_switches SET released_version = CASE WHEN enabled THEN version - 1 ELSE version END',
  `CREATE FUNCTION note_kill_switch_release() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     NEW.released_version := NEW.version;
     RETURN NEW;
   END $$`,
  `CREATE TRIGGER kill_switch_released BEFORE INSERT OR UPDATE ON kill_switches FOR EACH ROW WHEN (NOT NEW.enabled)
     EXECUTE FUNCTION note_kill_switch_release()`,
  'DROP FUNCTION open_auto_kill_switch(text, text)',
  /*
   * What the automatic switch judges a run's end by, read under a lock that its judges share, so that counters are exact over
   * replicas. \`switch_version\` 0 is a switch that nobody has touched. \`switch_enabled\` is what the release before this one reads.
   */
  `CREATE FUNCTION open_auto_kill_switch(of_mode text, of_pipeline text)
     RETURNS TABLE (switch_enabled boolean, switch_level text, switch_version integer, switch_released_version integer,
                    failures integer, failures_since_version integer, average_ms double precision, samples integer,
                    day text, daily_loss text)
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     today date;
   BEGIN
     PERFORM pg_advisory_xact_lock(hashtextextended('interlock auto kill switch', 0));
     today := risk_day_of(clock_timestamp());
     SELECT k.enabled, k.level, k.version, k.released_version
       INTO switch_enabled, switch_level, switch_version, switch_released_version
       FROM kill_switches AS k WHERE k.scope = 'global';
     switch_enabled := coalesce(switch_enabled, false);
     switch_version := coalesce(switch_version, 0);
     switch_released_version := coalesce(switch_released_version, 0);
     SELECT s.failures, s.switch_version INTO failures, failures_since_version
       FROM run_failure_streaks AS s WHERE s.scope = 'mode:' || of_mode;
     SELECT l.average_ms, l.samples INTO average_ms, samples FROM pipeline_latencies AS l WHERE l.pipeline = of_pipeline;
     day := today::text;
     daily_loss := CASE WHEN today IS NOT NULL THEN
       (SELECT coalesce(sum(r.loss), 0)::text FROM daily_results AS r WHERE r.mode = of_mode AND r.day = today) END;
     RETURN NEXT;
   END $$`,
];
