-- What each workflow is called: the value of the greatest time and event id stands.
INSERT INTO execledger.workflows AS known (tenant_id, id, name, version, occurred_at, event_id)
SELECT tenant_id, id, name, version, occurred_at, event_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[])
     AS said (tenant_id, id, name, version, occurred_at, event_id)
ON CONFLICT (tenant_id, id) DO UPDATE
SET name = excluded.name, version = excluded.version, occurred_at = excluded.occurred_at, event_id = excluded.event_id
WHERE (excluded.occurred_at, excluded.event_id) > (known.occurred_at, known.event_id)
