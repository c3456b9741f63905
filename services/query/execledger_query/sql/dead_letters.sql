-- Records that could not be recorded, newest first. The store puts a request's filters where the comment is.
SELECT id, topic, partition, "offset", "timestamp", reason, detail, fingerprint, redriven_at
FROM execledger.dead_letters
WHERE true /* AND filters */
ORDER BY id DESC
LIMIT $1
