-- The next executions behind an id, with how many events the log has of each; those that lost their row are among them.
SELECT id, max(events) AS events
FROM (
    (SELECT execution_id AS id, count(*) AS events
     FROM execledger.execution_events
     WHERE execution_id > $1 AND ($2::text IS NULL OR tenant_id = $2)
     GROUP BY execution_id
     ORDER BY execution_id
     LIMIT $3)
    UNION ALL
    (SELECT id, 0
     FROM execledger.executions
     WHERE id > $1 AND ($2::text IS NULL OR tenant_id = $2)
     ORDER BY id
     LIMIT $3)
) AS known
GROUP BY id
ORDER BY id
LIMIT $3
