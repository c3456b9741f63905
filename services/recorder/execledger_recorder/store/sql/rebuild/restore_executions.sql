-- What the first event of an execution settles, and what later ones only move on: as the log has it.
UPDATE execledger.executions AS known
SET tenant_id = said.tenant_id, external_id = said.external_id, tenant_uuid = said.tenant_uuid,
    heard_at = said.heard_at, recorded_at = said.recorded_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
     AS said (id, tenant_id, external_id, tenant_uuid, heard_at, recorded_at)
WHERE known.id = said.id
