-- Every logged event of some executions.
SELECT execution_id, event_id, raw FROM execledger.execution_events WHERE execution_id = ANY ($1::uuid[])
