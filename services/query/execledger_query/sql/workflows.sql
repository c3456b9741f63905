-- Workflows by tenant and id, with when the newest execution of each started.
SELECT workflow.tenant_id, workflow.id, workflow.name, newest.started_at AS last_started_at
FROM execledger.workflows AS workflow
LEFT JOIN LATERAL (
    SELECT started_at
    FROM execledger.executions AS execution
    WHERE execution.tenant_id = workflow.tenant_id AND execution.workflow_id = workflow.id
    ORDER BY execution.id DESC
    LIMIT 1
) AS newest ON true
WHERE true/* AND filters */
ORDER BY workflow.tenant_id, workflow.id
LIMIT $1 OFFSET $2
