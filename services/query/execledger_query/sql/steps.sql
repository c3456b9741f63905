-- The steps of an execution, all attempts, in the order in which they were first heard of.
SELECT
    execution_id, step_id, name, operation, iteration, total_items, attempt, agent_id, parent_id, status, provisional,
    unexpected, first_event_at, started_at, ended_at, duration_ms, error_message, error_type,
    error_event_id, input_event_id, output_event_id, metadata
FROM execledger.steps
WHERE execution_id = $2 /* AND filters */
ORDER BY first_event_at, step_id COLLATE "C", iteration, attempt
LIMIT $1
