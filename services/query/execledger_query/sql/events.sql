-- The log of an execution in the order of its events; data without its payloads unless they are asked for.
SELECT
    event_id, raw ->> 'source' AS source, type, occurred_at, received_at, recorded_at, attempt, sequence,
    coalesce(sequence, -1) AS position, rank, outcome, reason, topic, partition, "offset",
    CASE
        WHEN $3::boolean OR json_typeof(raw -> 'data') IS DISTINCT FROM 'object' THEN raw -> 'data'
        ELSE ((raw -> 'data')::jsonb - ARRAY['input', 'output', 'result'] #- ARRAY['error', 'stack'])::json
    END AS data
FROM execledger.execution_events
WHERE execution_id = $2 /* AND filters */
ORDER BY attempt, occurred_at, coalesce(sequence, -1), rank, event_id
LIMIT $1
