-- What waits to be sent, oldest first.
SELECT id, topic, key, value, headers FROM execledger.outbox ORDER BY id LIMIT $1
