-- The partitions of a topic that are held back, or drained.
SELECT partition, opened_at, at_offset, seen, bad, drain_until
FROM execledger.circuit_breakers WHERE topic = $1 ORDER BY partition
