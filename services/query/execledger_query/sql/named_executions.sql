-- Executions of a tenant by what their producers call them, as their relatives show them.
SELECT id, external_id, parent_execution_id, workflow_id, workflow_name, workflow_version, status, started_at, ended_at,
       duration_ms, total_tokens, cost_usd
FROM execledger.executions
WHERE id IN (
    SELECT alias.id
    FROM execledger.execution_aliases AS alias
    WHERE alias.tenant_id = $1 AND alias.external_id = ANY ($2::text[])
)
