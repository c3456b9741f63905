-- The executions of a tree by start, else creation: its root, and those that name it as theirs.
SELECT id, external_id, parent_execution_id, workflow_id, workflow_name, workflow_version, status, started_at, ended_at,
       duration_ms, total_tokens, cost_usd, began_at
FROM (
    SELECT *, CASE WHEN started_at IS NULL THEN created_at ELSE started_at END AS began_at
    FROM (
        SELECT *
        FROM execledger.executions
        WHERE tenant_id = $2 AND root_execution_id = $3 AND root_execution_id <> external_id
        UNION ALL
        SELECT *
        FROM execledger.executions
        WHERE id IN (
            SELECT alias.id
            FROM execledger.execution_aliases AS alias
            WHERE alias.tenant_id = $2 AND alias.external_id = $3
        )
    ) AS member
) AS member
WHERE true /* AND filters */
ORDER BY began_at, id
LIMIT $1
