-- Adds what batches counted of events, of each hour, day and month, and forgets it.
WITH taken AS (
    DELETE FROM execledger.counted_events
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM execledger.counted_events LIMIT $1))
    RETURNING tenant_id, start_at, type, events
), added AS (
    INSERT INTO execledger.rolled_events AS known (tenant_id, span, start_at, type, events)
    SELECT tenant_id, span, date_trunc(span, start_at, 'UTC') AS span_at, type, sum(events)
    FROM taken CROSS JOIN unnest(ARRAY['hour', 'day', 'month']) AS span
    GROUP BY tenant_id, span, span_at, type
    ON CONFLICT (tenant_id, span, start_at, type) DO UPDATE SET events = known.events + excluded.events
)
SELECT count(*) FROM taken
