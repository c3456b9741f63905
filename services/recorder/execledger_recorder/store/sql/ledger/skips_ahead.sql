-- What is to be skipped of each partition when the ledger comes to it.
SELECT topic, partition, "offset"
FROM execledger.unlogged_records
JOIN unnest($1::text[], $2::integer[]) AS wanted (topic, partition) USING (topic, partition)
WHERE recorded_at IS NULL
