-- The account of a batch's partitions, locked in order so that two recorders cannot deadlock.
SELECT partition, first_offset, next_offset
FROM execledger.ledger
WHERE topic = $1 AND partition = ANY ($2::integer[])
ORDER BY partition
FOR UPDATE
