-- The executions that name one as their parent, in the order in which they were created.
SELECT id, external_id, parent_execution_id, workflow_id, workflow_name, workflow_version, status, started_at, ended_at,
       duration_ms, total_tokens, cost_usd
FROM execledger.executions
WHERE tenant_id = $2 AND parent_execution_id = $3
ORDER BY created_at, id
LIMIT $1
