-- The partitions of topics that are held back, or drained.
SELECT topic, partition, opened_at, at_offset, seen, bad, drain_until
FROM execledger.circuit_breakers WHERE topic = ANY ($1::text[]) ORDER BY topic, partition
