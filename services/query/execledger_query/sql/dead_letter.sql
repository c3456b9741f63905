-- One of them, whole.
SELECT id, topic, partition, "offset", "timestamp", reason, detail, fingerprint, redriven_at, key, headers, value,
       cut
FROM execledger.dead_letters
WHERE id = $1
