-- The calls of models, or of tools, of an execution by time: those that come to $3 bytes, and whether it goes on. The store
-- puts the columns of their kind, and its table, where the comments are.
SELECT *
FROM (
    SELECT
        *,
        sum(bytes) OVER so_far - bytes AS bytes_before,
        lead(true) OVER so_far AS goes_on
    FROM (
        SELECT execution_id, event_id, occurred_at, attempt, step_id, agent_id, duration_ms, error, cache_hit, /* own columns, */
               400 + coalesce(octet_length(error), 0) AS bytes
        FROM execledger./* of their kind */llm_calls
        WHERE execution_id = $2 /* AND filters */
        ORDER BY occurred_at, event_id
        LIMIT $1
    ) AS call
    WINDOW so_far AS (ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING)
) AS call
WHERE bytes_before < $3::bigint
ORDER BY occurred_at, event_id
