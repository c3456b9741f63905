-- Records that were skipped: the ledger has passed them.
UPDATE execledger.unlogged_records AS record
SET recorded_at = now()
FROM unnest($2::integer[], $3::bigint[]) AS passed (partition, "offset")
WHERE record.topic = $1 AND record.partition = passed.partition AND record."offset" = passed."offset"
RETURNING record.partition, record."offset", record.reason
