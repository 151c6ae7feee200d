import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What an admission locks and reads, in one call instead of four round trips. The functions are VOLATILE: each of their statements sees
 * what was committed before it began, so a switch that is read in the statement after its lock shows the toggle that the lock waited
 * for (safety.md, K2).
 */
const FUNCTIONS = [
  // Sorted, so that two transactions never wait for each other in a circle. The key is that of the toggle's exclusive lock.
  `CREATE FUNCTION lock_kill_switches_shared(scopes text[]) RETURNS void
     LANGUAGE plpgsql VOLATILE AS $$
   DECLARE
     s text;
   BEGIN
     FOR s IN SELECT DISTINCT u.scope COLLATE "C" AS scope FROM unnest(scopes) AS u(scope) ORDER BY 1 LOOP
       PERFORM pg_advisory_xact_lock_shared(hashtextextended('interlock kill switch ' || s, 0));
     END LOOP;
   END $$`,
  `CREATE FUNCTION open_admission(scopes text[], modes text[], counted_rule text) RETURNS jsonb
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     switches jsonb;
     risk jsonb;
   BEGIN
     PERFORM lock_kill_switches_shared(scopes);
     SELECT jsonb_agg(to_jsonb(k)) INTO switches FROM kill_switches AS k WHERE k.scope = ANY (scopes) AND k.enabled;
     SELECT jsonb_agg(to_jsonb(r)) INTO risk FROM open_risk_state(modes, counted_rule) AS r;
     RETURN jsonb_build_object('switches', coalesce(switches, '[]'), 'risk', coalesce(risk, '[]'));
   END $$`,
  // The switches' locks before the rows': a toggle never waits for somebody who waits for a row. Rows in the order of their ids.
  `CREATE FUNCTION open_claims(run_ids uuid[], scopes text[], modes text[], start_max_age_ms double precision) RETURNS jsonb
     LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
   DECLARE
     claimable jsonb;
   BEGIN
     PERFORM lock_kill_switches_shared(scopes);
     SELECT jsonb_agg(to_jsonb(r)) INTO claimable FROM (
       SELECT id AS "runId", status, attempt, worker_losses AS "workerLosses", cancel_requested_by AS "cancelRequestedBy",
              started_at IS NOT NULL AS "everStarted",
              started_at IS NULL AND created_at < clock_timestamp() - start_max_age_ms * interval '1 millisecond' AS expired
       FROM runs
       WHERE id = ANY (run_ids)
         AND (status IN ('QUEUED', 'RETRYING') OR (status = 'RUNNING' AND lease_expires_at < clock_timestamp()))
       ORDER BY id FOR UPDATE
     ) AS r;
     RETURN open_admission(scopes, modes, NULL) || jsonb_build_object('runs', coalesce(claimable, '[]'));
   END $$`,
];

export class AdmissionInOneCall1764000000009 implements MigrationInterface {
  readonly name = 'AdmissionInOneCall1764000000009';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of FUNCTIONS) await runner.query(statement);
  }

  down(): Promise<void> {
    throw new Error('migrations only go forward; restore a backup instead');
  }
}
