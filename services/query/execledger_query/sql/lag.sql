-- How long the oldest unrecorded record has waited, and how old the oldest look at Kafka is; nothing before the first look.
-- On a replica all that came since the newest look that it has may lack: a recorder looks every second.
SELECT
    CASE WHEN pg_is_in_recovery() THEN greatest(seen.waiting, seen.observed) ELSE seen.waiting END AS waiting_seconds,
    seen.observed AS observed_seconds
FROM (
    SELECT
        extract(epoch FROM now() - min(oldest_unrecorded_at))::float8 AS waiting,
        extract(epoch FROM now() - min(observed_at))::float8 AS observed
    FROM execledger.ledger_ends
    WHERE topic = ANY ($1::text[])  -- nobody looks any more at a topic that was read before
    HAVING count(*) > 0
) AS seen
