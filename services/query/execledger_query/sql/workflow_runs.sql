-- Executions of a workflow as clients of workflow_executions know them, newest first.
SELECT id, tenant_id, external_id, workflow_id, owner_id, status, created_at, started_at, ended_at, duration_ms,
       (execledger.said(id, input_event_id) -> 'input') AS initial_input,
       execledger.phase_results(id) AS phase_results,
       (execledger.said(id, output_event_id) -> 'output') AS final_output,
       error_message, progress_percent, completed_steps, total_steps, tags, metadata
FROM execledger.executions
WHERE workflow_uuid = $1 AND ($2::text[] IS NULL OR status = ANY ($2::text[]))
ORDER BY CASE WHEN started_at IS NULL THEN created_at ELSE started_at END DESC, id DESC
LIMIT $3 OFFSET $4
