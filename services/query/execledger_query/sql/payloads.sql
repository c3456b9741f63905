-- Payloads, read from the events that said them.
SELECT
    event.execution_id, event.event_id,
    event.raw -> 'data' -> 'input' AS input,
    event.raw -> 'data' -> 'output' AS output,
    event.raw -> 'data' -> 'result' AS result,
    event.raw -> 'data' -> 'error' -> 'stack' AS stack
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (execution_id, event_id)
JOIN execledger.execution_events AS event
    ON event.execution_id = wanted.execution_id AND event.event_id = wanted.event_id
