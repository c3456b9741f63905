-- The execution of an hour with which those behind a place come to so many events: where a slice ends. No row: with the hour.
SELECT start_at, id
FROM (
    SELECT start_at, id, sum(version) OVER (ORDER BY start_at, id) AS events
    FROM (
        SELECT execledger.start_of(started_at, created_at) AS start_at, id, version
        FROM execledger.executions
        WHERE tenant_id = $1::text
    ) AS execution
    WHERE start_at >= $3::timestamptz AND start_at < $2::timestamptz + interval '1 hour'
      AND (start_at > $3::timestamptz OR id > $4::uuid)
) AS counted
WHERE events >= $5::bigint
ORDER BY start_at, id
LIMIT 1
