-- Payloads, read from the events that said them, in the order in which they are asked for; a number or truth value that
-- stands where text belongs as that. The first $3 of them, and as many as come to $4 bytes: of the rest only that they are.
SELECT
    execution_id, event_id, fits,
    CASE WHEN fits THEN data -> 'input' END AS input,
    CASE WHEN fits THEN data -> 'output' END AS output,
    CASE WHEN fits THEN data ->> 'result' END AS result,
    CASE WHEN fits AND json_typeof(data -> 'error' -> 'stack') NOT IN ('object', 'array')
        THEN data -> 'error' ->> 'stack' END AS stack
FROM (
    SELECT
        *,
        place <= $3::bigint OR coalesce(
            sum(octet_length(data::text)) OVER (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0
        ) < $4::bigint AS fits
    FROM (
        SELECT wanted.place, event.execution_id, event.event_id, event.raw -> 'data' AS data
        FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (execution_id, event_id, place)
        JOIN execledger.execution_events AS event
            ON event.execution_id = wanted.execution_id AND event.event_id = wanted.event_id
    ) AS said
) AS said
