-- The steps of an execution, all attempts and tries, in the order in which they were first heard of: those that come to $3
-- bytes, and the next one.
SELECT *
FROM (
    SELECT
        *,
        coalesce(sum(bytes) OVER (before ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < $3::bigint AS fits,
        coalesce(sum(bytes) OVER (before ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0) < $3::bigint AS is_near
    FROM (
        SELECT execution_id, iteration_key, /* columns */,
               400 + coalesce(octet_length(metadata::text), 0) + coalesce(octet_length(error_message), 0) AS bytes
        FROM execledger.steps
        WHERE execution_id = $2 /* AND filters */
        ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number
        LIMIT $1
    ) AS step
    WINDOW before AS (ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number)
) AS step
WHERE is_near
ORDER BY first_event_at, step_id COLLATE "C", iteration_key, attempt, try_number
