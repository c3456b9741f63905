-- The attempts of an execution as its log tells them: extent, calls (of rank $5, whose types end in $6 and $7), and the
-- first ending (of ranks $2) that was not refused. The watchdog's (of rank $3, from source $4) is left out: once a later
-- attempt has begun it is void, and how the last attempt stands is in the record. An attempt begins with an event of the
-- ranks $8; one of the ranks $9 is of the highest attempt that began and is not above the one that it was sent with.
WITH logged AS MATERIALIZED (
    SELECT
        attempt, type, occurred_at, sequence, rank, event_id, outcome,
        CASE WHEN rank = $3::smallint AND raw ->> 'source' = $4
             THEN coalesce(raw -> 'data' ->> 'provisional', '') = 'true'
             ELSE false END AS is_watchdogs
    FROM execledger.execution_events
    WHERE execution_id = $1
), raised AS MATERIALIZED (
    SELECT 1 AS attempt
    UNION
    SELECT attempt FROM logged WHERE rank = ANY ($8::smallint[]) AND NOT is_watchdogs
), events AS (
    SELECT
        CASE WHEN rank = ANY ($9::smallint[])
             THEN (SELECT max(raised.attempt) FROM raised WHERE raised.attempt <= logged.attempt)
             ELSE attempt END AS attempt,
        type, occurred_at, sequence, rank, event_id,
        rank = ANY ($2::smallint[]) AND outcome <> 'rejected' AND NOT is_watchdogs AS ends
    FROM logged
)
SELECT
    attempt,
    min(occurred_at) AS started_at,
    max(occurred_at) AS last_event_at,
    count(*) FILTER (WHERE rank = $5::smallint AND type LIKE '%' || $6::text) AS llm_calls,
    count(*) FILTER (WHERE rank = $5::smallint AND type LIKE '%' || $7::text) AS tool_calls,
    (array_agg(type ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id) FILTER (WHERE ends))[1] AS ending,
    (array_agg(occurred_at ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id) FILTER (WHERE ends))[1] AS ended_at
FROM events
WHERE attempt IN (SELECT raised.attempt FROM raised)
GROUP BY attempt
ORDER BY attempt
