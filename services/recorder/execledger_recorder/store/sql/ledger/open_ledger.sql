-- The account of a partition, opened where Kafka's log began when we first saw it.
INSERT INTO execledger.ledger (topic, partition, first_offset, next_offset)
SELECT $1, partition, first_offset, first_offset
FROM unnest($2::integer[], $3::bigint[]) AS seen (partition, first_offset)
ORDER BY partition
ON CONFLICT DO NOTHING
