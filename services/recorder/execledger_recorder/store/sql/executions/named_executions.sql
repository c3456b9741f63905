-- Executions by their internal or external ids.
SELECT id, external_id
FROM execledger.execution_aliases
WHERE (external_id = ANY ($1::text[]) OR id = ANY ($2::uuid[])) AND ($3::text IS NULL OR tenant_id = $3)
ORDER BY id
