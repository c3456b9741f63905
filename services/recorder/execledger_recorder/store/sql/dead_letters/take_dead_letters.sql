-- Some dead letters, whole, for sending them again; those that somebody else is sending right now are left out.
SELECT id, redriven_at, topic, partition, "offset", "timestamp", key, headers, value, reason, detail, fingerprint, cut,
       tenant_id, event_index
FROM execledger.dead_letters
WHERE id = ANY ($1::bigint[]) AND (redriven_at IS NULL OR $2)
ORDER BY id
FOR UPDATE SKIP LOCKED
