-- What each owner is called: the value of the greatest time and event id stands. What is older than the row is left out
-- by a look without locks, for ON CONFLICT locks a row even where it changes nothing; the rest is locked in key order.
INSERT INTO execledger.owners AS known (tenant_id, id, email, name, occurred_at, event_id, uuid)
SELECT DISTINCT ON (tenant_id, id) tenant_id, id, email, name, occurred_at, event_id, uuid
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[])
     AS said (tenant_id, id, email, name, occurred_at, event_id, uuid)
WHERE NOT EXISTS (
    SELECT FROM execledger.owners AS stored
    WHERE stored.tenant_id = said.tenant_id AND stored.id = said.id
      AND (stored.occurred_at, stored.event_id) >= (said.occurred_at, said.event_id)
)
ORDER BY tenant_id, id, occurred_at DESC, event_id DESC
ON CONFLICT (tenant_id, id) DO UPDATE
SET email = excluded.email, name = excluded.name, occurred_at = excluded.occurred_at, event_id = excluded.event_id,
    uuid = excluded.uuid
WHERE (excluded.occurred_at, excluded.event_id) > (known.occurred_at, known.event_id)
