-- The ids of executions that are known already.
SELECT alias.tenant_id, alias.external_id, alias.id
FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, external_id)
JOIN execledger.execution_aliases AS alias USING (tenant_id, external_id)
