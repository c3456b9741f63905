-- The last record that was read of each partition: where it lay, and by what it is known again.
SELECT partition, last_offset, last_digest
FROM execledger.ledger WHERE topic = $1 AND partition = ANY ($2::integer[]) AND last_offset IS NOT NULL
