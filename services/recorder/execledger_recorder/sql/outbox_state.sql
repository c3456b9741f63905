-- How much waits to be sent, and how long the oldest has waited, in seconds.
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_seconds
FROM execledger.outbox
