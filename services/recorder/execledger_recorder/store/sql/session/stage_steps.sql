-- Where a batch's rows are copied to before they are merged: COPY takes them twice as fast as arrays in parameters.
CREATE TEMPORARY TABLE IF NOT EXISTS staged_steps ON COMMIT DELETE ROWS AS
SELECT
    execution_id, tenant_id, step_id, iteration, attempt, name, operation, total_items, agent_id, parent_id, status,
    provisional, unexpected, first_event_at, started_at, ended_at, duration_ms, error_message, error_type,
    error_event_id, input_event_id, output_event_id, metadata, fold
FROM execledger.steps
WITH NO DATA
