-- When executions were last heard of, and when they were first recorded.
SELECT execution_id, max(received_at) AS heard_at, min(recorded_at) AS recorded_at
FROM execledger.execution_events
WHERE execution_id = ANY ($1::uuid[])
GROUP BY execution_id
