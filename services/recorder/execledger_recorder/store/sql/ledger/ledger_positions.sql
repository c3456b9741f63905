-- Where partitions are to be read on.
SELECT topic, partition, next_offset
FROM execledger.ledger
JOIN unnest($1::text[], $2::integer[]) AS wanted (topic, partition) USING (topic, partition)
