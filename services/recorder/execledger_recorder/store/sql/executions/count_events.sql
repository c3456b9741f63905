-- How many events the log has of an execution; no row when there is none of it.
SELECT events
FROM (SELECT count(*) AS events FROM execledger.execution_events WHERE execution_id = $1) AS log
WHERE events > 0 OR EXISTS (SELECT FROM execledger.executions WHERE id = $1)
