-- How far Kafka is ahead, for those who ask how fresh the record is.
INSERT INTO execledger.ledger_ends (topic, partition, end_offset, oldest_unrecorded_at, observed_at)
SELECT $1, partition, end_offset, oldest_unrecorded_at, now()
FROM unnest($2::integer[], $3::bigint[], $4::timestamptz[]) AS seen (partition, end_offset, oldest_unrecorded_at)
ORDER BY partition
ON CONFLICT (topic, partition) DO UPDATE
SET end_offset = excluded.end_offset,
    oldest_unrecorded_at = excluded.oldest_unrecorded_at,
    observed_at = excluded.observed_at
