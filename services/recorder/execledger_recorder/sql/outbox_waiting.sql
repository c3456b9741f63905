-- What waits to be sent to a topic, oldest first: none behind so many bytes, lest they fill the memory.
SELECT id, topic, key, value, headers
FROM (
    SELECT id, topic, key, value, headers,
           sum(octet_length(value)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS bytes_before
    FROM execledger.outbox WHERE topic = $1 ORDER BY id LIMIT $2
) AS oldest
WHERE coalesce(bytes_before, 0) < $3
ORDER BY id
