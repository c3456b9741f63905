-- What all executions come to, from roll-ups, for /metrics: by workflow (the most used are named), status and bucket of
-- duration. Of a bucket it is how many have ended in it; without one, all the rest.
WITH counted AS MATERIALIZED (
    SELECT workflow_id, status, NULL::smallint AS bucket, sum(executions) AS executions, sum(killed) AS killed,
           sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens, sum(cost_usd) AS cost_usd,
           sum(lasted_ms) AS lasted_ms
    FROM execledger.settled_executions
    GROUP BY workflow_id, status
    UNION ALL
    SELECT workflow_id, '', cell.bucket, sum(cell.number), 0, 0, 0, 0, 0
    FROM execledger.settled_executions
    CROSS JOIN LATERAL unnest(buckets, counts) AS cell (bucket, number)
    GROUP BY workflow_id, cell.bucket
), named AS (
    SELECT workflow_id
    FROM counted
    WHERE workflow_id IS NOT NULL AND bucket IS NULL
    GROUP BY workflow_id
    ORDER BY sum(executions) DESC, workflow_id
    LIMIT $1
)
SELECT
    CASE WHEN counted.workflow_id IS NULL THEN '' WHEN named.workflow_id IS NULL THEN 'other' ELSE named.workflow_id END
        AS workflow,
    status, bucket, sum(executions)::float8 AS executions, sum(killed)::float8 AS killed_by_budget,
    sum(prompt_tokens)::float8 AS prompt_tokens, sum(completion_tokens)::float8 AS completion_tokens,
    sum(cost_usd)::float8 AS cost_usd, sum(lasted_ms)::float8 AS duration_ms
FROM counted
LEFT JOIN named ON named.workflow_id = counted.workflow_id
GROUP BY 1, 2, 3
