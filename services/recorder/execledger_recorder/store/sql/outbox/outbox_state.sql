-- How much waits to be sent, and how long the oldest has waited, in seconds: from an index, not from the messages.
SELECT (SELECT count(*) FROM execledger.outbox) AS waiting,
       coalesce(extract(epoch FROM now() - (SELECT created_at FROM execledger.outbox ORDER BY id LIMIT 1)), 0)::float8
           AS oldest_seconds
