-- The executions with the greatest ids, as many as have that many events together, with how many each has.
SELECT execution_id AS id, count(*) AS events
FROM (SELECT execution_id FROM execledger.execution_events ORDER BY execution_id DESC LIMIT $1) AS newest
GROUP BY execution_id
