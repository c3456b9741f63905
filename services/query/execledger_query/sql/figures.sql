-- One pass over the executions for /metrics: by workflow (the most used are named), status and bucket of duration.
-- width_bucket counts the bounds that are less than a duration, so bucket n holds those up to bound n.
WITH counted AS MATERIALIZED (
    SELECT
        workflow_id, status,
        CASE WHEN ended_at IS NOT NULL THEN width_bucket(duration_ms - 1, $2::bigint[]) END AS bucket,
        count(*) AS executions,
        coalesce(sum(duration_ms) FILTER (WHERE ended_at IS NOT NULL), 0) AS duration_ms,
        min(coalesce(started_at, created_at)) FILTER (WHERE status = 'running') AS oldest_at,
        count(*) FILTER (WHERE killed_by_budget) AS killed_by_budget
    FROM execledger.executions
    GROUP BY 1, 2, 3
), named AS (
    SELECT workflow_id
    FROM counted
    WHERE workflow_id IS NOT NULL
    GROUP BY workflow_id
    ORDER BY sum(executions) DESC, workflow_id
    LIMIT $1
)
SELECT
    CASE WHEN counted.workflow_id IS NULL THEN '' WHEN named.workflow_id IS NULL THEN 'other' ELSE named.workflow_id END
        AS workflow,
    status, bucket,
    sum(executions)::bigint AS executions,
    sum(counted.duration_ms)::float8 AS duration_ms,
    extract(epoch FROM now() - min(oldest_at))::float8 AS oldest_seconds,
    sum(counted.killed_by_budget)::bigint AS killed_by_budget
FROM counted
LEFT JOIN named ON named.workflow_id = counted.workflow_id
GROUP BY 1, 2, 3
