-- The last record that was read of each partition: where it lay, and by what it is known again.
SELECT topic, partition, last_offset, last_digest
FROM execledger.ledger
JOIN unnest($1::text[], $2::integer[]) AS wanted (topic, partition) USING (topic, partition)
WHERE last_offset IS NOT NULL
