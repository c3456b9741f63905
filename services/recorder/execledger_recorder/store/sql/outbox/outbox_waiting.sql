-- What waits to be sent to a topic, oldest first: none behind so many bytes, lest they fill the memory. Summed up in a
-- frame that ends before the row: with EXCLUDE CURRENT ROW each row would be summed up from the first.
SELECT id, topic, key, value, headers
FROM (
    SELECT id, topic, key, value, headers,
           sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) + octet_length(headers::text))
               OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM execledger.outbox WHERE topic = $1 ORDER BY id LIMIT $2
) AS oldest
WHERE coalesce(bytes_before, 0) < $3
ORDER BY id
