-- The account of a partition, opened where Kafka's log began when we first saw it.
INSERT INTO execledger.ledger (topic, partition, first_offset, next_offset)
SELECT topic, partition, first_offset, first_offset
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS seen (topic, partition, first_offset)
ORDER BY topic, partition
ON CONFLICT DO NOTHING
