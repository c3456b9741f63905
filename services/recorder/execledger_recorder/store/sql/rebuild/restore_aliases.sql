-- The names that the log gives executions, in the order of add_aliases; one that another execution of the log bears
-- stays with it.
INSERT INTO execledger.execution_aliases AS known (tenant_id, external_id, id)
SELECT tenant_id, external_id, id
FROM unnest($1::text[], $2::text[], $3::uuid[]) AS said (tenant_id, external_id, id)
ON CONFLICT (tenant_id, external_id) DO UPDATE SET id = excluded.id
WHERE NOT EXISTS (SELECT FROM execledger.execution_events AS event WHERE event.execution_id = known.id)
