-- Executions whose internal or external id begins so: a look at all of them, for who runs a command.
SELECT id, tenant_id, external_id
FROM execledger.execution_aliases
WHERE (starts_with(external_id, $1) OR starts_with(id::text, lower($1))) AND ($2::text IS NULL OR tenant_id = $2)
ORDER BY external_id, tenant_id
LIMIT $3
