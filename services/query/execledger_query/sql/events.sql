-- The log of an execution in the order of its events: those that come to $4 bytes, and whether it goes on. Unless
-- payloads are asked for, only what some type lists (names $6) and nothing of unknown types (of rank $5): what is shown in
-- the end depends on the type.
SELECT *
FROM (
    SELECT
        *,
        sum(bytes) OVER so_far - bytes AS bytes_before,
        lead(true) OVER so_far AS goes_on
    FROM (
        SELECT *, 400 + coalesce(octet_length(data::text), 0) + coalesce(octet_length(ignored::text), 0) AS bytes
        FROM (
            SELECT
                event_id, raw ->> 'id' AS id, raw ->> 'source' AS source, type, occurred_at, received_at, recorded_at, attempt, sequence,
                coalesce(sequence, -1) AS position, rank, outcome, reason, ignored, topic, partition, "offset",
                CASE
                    WHEN $3::boolean THEN
                        CASE WHEN json_typeof(raw -> 'data') IS NULL OR json_typeof(raw -> 'data') = 'null'
                             THEN raw -> 'data_base64' ELSE raw -> 'data' END
                    WHEN rank <> $5::smallint AND json_typeof(raw -> 'data') = 'object' THEN (
                        -- Part by part, as text: jsonb refuses numbers that JSON allows.
                        SELECT coalesce(json_object_agg(part.key, part.value), '{}')
                        FROM json_each(raw -> 'data') AS part
                        WHERE part.key = ANY ($6::text[])
                    )
                END AS data,
                CASE WHEN $3::boolean AND coalesce(json_typeof(raw -> 'data'), 'null') = 'null'
                           AND json_typeof(raw -> 'data_base64') = 'string' THEN 'base64' END AS data_encoding
            FROM execledger.execution_events
            WHERE execution_id = $2 /* AND filters */
            ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
            LIMIT $1
        ) AS event
    ) AS event
    WINDOW so_far AS (ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id ROWS UNBOUNDED PRECEDING)
) AS event
WHERE bytes_before < $4::bigint
ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id
