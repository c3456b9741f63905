-- Some dead letters, whole.
SELECT id, redriven_at, topic, partition, "offset", "timestamp", key, headers, value, reason, detail, fingerprint, cut,
       tenant_id, event_index
FROM execledger.dead_letters
WHERE id = ANY ($1::bigint[])
ORDER BY id
