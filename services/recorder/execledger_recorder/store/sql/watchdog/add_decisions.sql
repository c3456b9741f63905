-- What the watchdog decided; those that are returned nobody had decided before.
INSERT INTO execledger.watchdog_decisions (execution_id, attempt, newest_event_id, decision)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[])
ON CONFLICT DO NOTHING
RETURNING execution_id
