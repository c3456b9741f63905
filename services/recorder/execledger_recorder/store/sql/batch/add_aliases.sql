-- Ids for new executions, in one order (the arrays are sorted) so that two recorders cannot deadlock. One that another
-- recorder is just adding makes this wait, and is then not returned; nor is one whose id is taken.
INSERT INTO execledger.execution_aliases (tenant_id, external_id, id)
SELECT tenant_id, external_id, id
FROM unnest($1::text[], $2::text[], $3::uuid[]) AS new (tenant_id, external_id, id)
ON CONFLICT DO NOTHING
RETURNING tenant_id, external_id, id
