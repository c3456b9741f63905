-- Payloads, read from the events that said them; a number or truth value that stands where text belongs as that.
SELECT
    event.execution_id, event.event_id,
    event.raw -> 'data' -> 'input' AS input,
    event.raw -> 'data' -> 'output' AS output,
    event.raw -> 'data' ->> 'result' AS result,
    CASE WHEN json_typeof(event.raw -> 'data' -> 'error' -> 'stack') NOT IN ('object', 'array')
        THEN event.raw -> 'data' -> 'error' ->> 'stack' END AS stack
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (execution_id, event_id)
JOIN execledger.execution_events AS event
    ON event.execution_id = wanted.execution_id AND event.event_id = wanted.event_id
