-- One logged event.
SELECT raw FROM execledger.execution_events WHERE execution_id = $1 AND event_id = $2
