-- How long the oldest unrecorded record has waited, and how old the oldest look at Kafka is; nothing before the first look.
SELECT
    extract(epoch FROM now() - min(oldest_unrecorded_at))::float8 AS waiting_seconds,
    extract(epoch FROM now() - min(observed_at))::float8 AS observed_seconds
FROM execledger.ledger_ends
WHERE topic = ANY ($1::text[])  -- nobody looks any more at a topic that was read before
HAVING count(*) > 0
