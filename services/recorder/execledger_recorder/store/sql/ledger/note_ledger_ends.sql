-- How far Kafka is ahead, for those who ask how fresh the record is; not where a restored database lies behind us.
INSERT INTO execledger.ledger_ends (topic, partition, end_offset, oldest_unrecorded_at, observed_at)
SELECT topic, partition, seen.end_offset, seen.oldest_unrecorded_at, $6
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    AS seen (topic, partition, next_offset, end_offset, oldest_unrecorded_at)
JOIN execledger.ledger AS ledger USING (topic, partition)
WHERE ledger.next_offset >= seen.next_offset
ORDER BY topic, partition
ON CONFLICT (topic, partition) DO UPDATE
SET end_offset = excluded.end_offset,
    oldest_unrecorded_at = excluded.oldest_unrecorded_at,
    observed_at = excluded.observed_at
