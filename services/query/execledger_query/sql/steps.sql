-- The steps of an execution, all attempts and tries, in the order in which they were first heard of: those that come to $3
-- bytes, and whether it goes on.
SELECT *
FROM (
    SELECT
        *,
        sum(bytes) OVER so_far - bytes AS bytes_before,
        lead(true) OVER so_far AS goes_on
    FROM (
        SELECT execution_id, iteration_key, /* columns */,
               400 + coalesce(octet_length(metadata::text), 0) + coalesce(octet_length(error_message), 0) AS bytes
        FROM execledger.steps
        WHERE execution_id = $2 /* AND filters */
        ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number
        LIMIT $1
    ) AS step
    WINDOW so_far AS (ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number ROWS UNBOUNDED PRECEDING)
) AS step
WHERE bytes_before < $3::bigint
ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number
