-- The account of a batch's partitions, locked in order so that two recorders cannot deadlock; and the offsets ahead of it
-- that an operator wants skipped.
SELECT partition, next_offset,
       ARRAY (SELECT ahead."offset" FROM execledger.unlogged_records AS ahead
              WHERE ahead.topic = ledger.topic AND ahead.partition = ledger.partition AND recorded_at IS NULL) AS skips
FROM execledger.ledger
WHERE topic = $1 AND partition = ANY ($2::integer[])
ORDER BY partition
FOR UPDATE
