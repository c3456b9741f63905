-- The log of an execution as the lifecycle reads it; of payloads in large events only that they are there is said. Those
-- that come to $2 bytes, and whether there are more. Of what was recorded by $3 and happened by $4, to the millisecond, as
-- these times are shown.
SELECT *
FROM (
    SELECT
        *,
        sum(octet_length(event)) OVER so_far - octet_length(event) AS bytes_before,
        lead(true) OVER so_far AS goes_on
    FROM (
        SELECT
            event_id, outcome, ignored,
            CASE
                WHEN octet_length(raw::text) <= 4096 THEN raw::text  -- taking these apart would take ten times as long
                ELSE (
                    -- Part by part, as text: jsonb refuses numbers that JSON allows.
                    SELECT json_object_agg(member.key, CASE
                        WHEN member.key = 'data' AND json_typeof(member.value) = 'object' THEN (
                            SELECT coalesce(json_object_agg(part.key, CASE
                                WHEN part.key IN ('input', 'output', 'result') AND json_typeof(part.value) <> 'null'
                                THEN '""'
                                ELSE part.value
                            END), '{}')
                            FROM json_each(member.value) AS part
                        )
                        ELSE member.value
                    END)
                    FROM json_each(raw) AS member
                )::text
            END AS event
        FROM execledger.execution_events
        WHERE execution_id = $1
          AND ($3::timestamptz IS NULL OR date_trunc('milliseconds', recorded_at) <= $3)
          AND ($4::timestamptz IS NULL OR date_trunc('milliseconds', occurred_at) <= $4)
    ) AS logged
    WINDOW so_far AS (ORDER BY event_id ROWS UNBOUNDED PRECEDING)
) AS logged
WHERE bytes_before < $2::bigint
