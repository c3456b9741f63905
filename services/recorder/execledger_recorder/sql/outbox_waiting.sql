-- What waits to be sent to a topic, oldest first.
SELECT id, topic, key, value, headers FROM execledger.outbox WHERE topic = $1 ORDER BY id LIMIT $2
