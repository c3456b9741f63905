-- Lets a partition that is held back go on, up to that offset whatever its records are.
UPDATE execledger.circuit_breakers SET drain_until = $3
WHERE topic = $1 AND partition = $2 AND drain_until IS NULL
RETURNING topic, partition, opened_at, at_offset, seen, bad, drain_until
