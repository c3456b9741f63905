-- The attempts of an execution as its log tells them: extent, calls, and the first ending that was not refused. The
-- watchdog's (by rank $3, from source $4) is void when a sign of life, of any rank but $5, is ordered after it.
WITH events AS (
    SELECT
        attempt, type, occurred_at, coalesce(sequence, -1) AS sequence, rank, event_id,
        type = ANY ($2::text[]) AND outcome <> 'rejected' AS ends,
        CASE WHEN rank = $3::smallint
             THEN raw ->> 'source' = $4 AND coalesce(raw -> 'data' ->> 'provisional' = 'true', false)
             ELSE false END AS is_provisional
    FROM execledger.execution_events
    WHERE execution_id = $1
), judged AS (
    SELECT
        attempt, type, occurred_at, sequence, rank, event_id,
        ends AND NOT (is_provisional
                      AND coalesce(bool_or(NOT is_provisional AND rank <> ALL ($5::smallint[])) OVER later, false)) AS ends
    FROM events
    WINDOW later AS (ORDER BY attempt, occurred_at, sequence, rank, event_id
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
)
SELECT
    attempt,
    min(occurred_at) AS started_at,
    max(occurred_at) AS last_event_at,
    count(*) FILTER (WHERE type = 'llm.called') AS llm_calls,
    count(*) FILTER (WHERE type = 'tool.called') AS tool_calls,
    (array_agg(type ORDER BY occurred_at, sequence, rank, event_id) FILTER (WHERE ends))[1] AS ending,
    (array_agg(occurred_at ORDER BY occurred_at, sequence, rank, event_id) FILTER (WHERE ends))[1] AS ended_at
FROM judged
GROUP BY attempt
ORDER BY attempt
