-- Holds a partition back, unless it is held back or drained already.
INSERT INTO execledger.circuit_breakers AS breaker (topic, partition, at_offset, seen, bad)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (topic, partition) DO UPDATE
SET opened_at = now(), at_offset = excluded.at_offset, seen = excluded.seen, bad = excluded.bad, drain_until = NULL
WHERE breaker.drain_until <= excluded.at_offset
