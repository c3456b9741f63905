-- The record of each step that a batch changed, from where it was staged, in key order.
INSERT INTO execledger.steps AS known (
    execution_id, tenant_id, step_id, iteration, attempt, name, operation, total_items, agent_id, parent_id, status,
    provisional, unexpected, first_event_at, started_at, ended_at, duration_ms, error_message, error_type,
    error_event_id, input_event_id, output_event_id, metadata, fold
)
SELECT
    execution_id, tenant_id, step_id, iteration, attempt, name, operation, total_items, agent_id, parent_id, status,
    provisional, unexpected, first_event_at, started_at, ended_at, duration_ms, error_message, error_type,
    error_event_id, input_event_id, output_event_id, metadata, fold
FROM staged_steps
ORDER BY execution_id, step_id, iteration, attempt
ON CONFLICT (execution_id, step_id, iteration, attempt) DO UPDATE SET
    name = excluded.name, operation = excluded.operation, total_items = excluded.total_items,
    agent_id = excluded.agent_id, parent_id = excluded.parent_id, status = excluded.status,
    provisional = excluded.provisional, unexpected = excluded.unexpected, first_event_at = excluded.first_event_at,
    started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
    error_message = excluded.error_message, error_type = excluded.error_type,
    error_event_id = excluded.error_event_id, input_event_id = excluded.input_event_id,
    output_event_id = excluded.output_event_id, metadata = excluded.metadata, fold = excluded.fold
