-- Records that said nothing of any execution: counted, and in no other table.
INSERT INTO execledger.unlogged_records (topic, partition, "offset", outcome, reason, recorded_at)
SELECT topic, partition, "offset", $4, 'no_event', now()
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS silent (topic, partition, "offset")
