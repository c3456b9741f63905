-- Executions of a workflow as clients of workflow_executions know them, newest first: those that come to $5 bytes.
SELECT *
FROM (
    SELECT *, sum(bytes) OVER so_far - bytes AS bytes_before
    FROM (
        SELECT *, 800 + coalesce(octet_length(initial_input::text), 0) + octet_length(phase_results::text)
                  + coalesce(octet_length(final_output::text), 0) + coalesce(octet_length(error_message), 0)
                  + coalesce(octet_length(tags::text), 0) + coalesce(octet_length(metadata::text), 0) AS bytes
        FROM (
            SELECT id, tenant_id, external_id, workflow_id, owner_id, status, created_at, started_at, ended_at, duration_ms,
                   (execledger.said(id, input_event_id) -> 'input') AS initial_input,
                   execledger.phase_results(id) AS phase_results,
                   (execledger.said(id, output_event_id) -> 'output') AS final_output,
                   error_message, progress_percent, completed_steps, total_steps, tags, metadata,
                   CASE WHEN started_at IS NULL THEN created_at ELSE started_at END AS begins_at
            FROM execledger.executions
            WHERE workflow_uuid = $1 AND ($2::text[] IS NULL OR status = ANY ($2::text[]))
            ORDER BY CASE WHEN started_at IS NULL THEN created_at ELSE started_at END DESC, id DESC
            LIMIT $3 OFFSET $4
        ) AS run
    ) AS run
    WINDOW so_far AS (ORDER BY begins_at DESC, id DESC ROWS UNBOUNDED PRECEDING)
) AS run
WHERE bytes_before < $5::bigint
ORDER BY begins_at DESC, id DESC
