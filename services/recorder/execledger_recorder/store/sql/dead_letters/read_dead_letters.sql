-- Some dead letters, whole.
SELECT id, redriven_at, topic, partition, "offset", "timestamp", key, headers, value, reason, detail, fingerprint, cut
FROM execledger.dead_letters
WHERE id = ANY ($1::bigint[])
ORDER BY id
