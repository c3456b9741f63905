-- Which events of a batch the log has already.
SELECT event.execution_id, event.event_id, event.digest
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (execution_id, event_id)
JOIN execledger.execution_events AS event USING (execution_id, event_id)
