-- The attempts of an execution as its log tells them: extent, calls (of types $5 and $6), and the first ending (of types
-- $2) that was not refused. The watchdog's (of rank $3, from source $4) is left out: once a later attempt has begun it is
-- void, and how the last attempt stands is in the record.
WITH events AS (
    SELECT
        attempt, type, occurred_at, sequence, rank, event_id,
        CASE WHEN type <> ALL ($2::text[]) OR outcome = 'rejected' THEN false
             WHEN rank = $3::smallint AND raw ->> 'source' = $4
             THEN coalesce(raw -> 'data' ->> 'provisional', '') <> 'true'
             ELSE true END AS ends
    FROM execledger.execution_events
    WHERE execution_id = $1
)
SELECT
    attempt,
    min(occurred_at) AS started_at,
    max(occurred_at) AS last_event_at,
    count(*) FILTER (WHERE type = ANY ($5::text[])) AS llm_calls,
    count(*) FILTER (WHERE type = ANY ($6::text[])) AS tool_calls,
    (array_agg(type ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id) FILTER (WHERE ends))[1] AS ending,
    (array_agg(occurred_at ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id) FILTER (WHERE ends))[1] AS ended_at
FROM events
GROUP BY attempt
ORDER BY attempt
