-- Between which ids the log's executions lie.
SELECT (SELECT execution_id FROM execledger.execution_events ORDER BY execution_id LIMIT 1) AS least,
       (SELECT execution_id FROM execledger.execution_events ORDER BY execution_id DESC LIMIT 1) AS greatest
