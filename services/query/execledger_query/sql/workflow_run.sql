-- The execution of a workflow with that internal or external id, or whose row in an older table had it: the best match first.
SELECT id, tenant_id, external_id, workflow_id, owner_id, status, created_at, started_at, ended_at, duration_ms,
       (execledger.said(id, input_event_id) -> 'input') AS initial_input,
       execledger.phase_results(id) AS phase_results,
       (execledger.said(id, output_event_id) -> 'output') AS final_output,
       error_message, progress_percent, completed_steps, total_steps, tags, metadata,
       CASE WHEN id = $2 THEN 0 WHEN external_id = $3 THEN 1 ELSE 2 END AS likeness
FROM execledger.executions
WHERE workflow_uuid = $1 AND (id = $2 OR external_id = $3 OR row_id = $3)
ORDER BY likeness, id
LIMIT 2
