-- What is to be skipped of each partition when the ledger comes to it.
SELECT partition, "offset" FROM execledger.unlogged_records
WHERE topic = $1 AND partition = ANY ($2::integer[]) AND recorded_at IS NULL
