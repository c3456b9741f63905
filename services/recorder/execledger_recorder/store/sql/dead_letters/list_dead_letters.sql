-- Dead letters in the order in which they came, without their bytes, from one id on. How many those were, of one that
-- was cut too: so many are read again from Kafka.
SELECT id, topic, partition, "offset", "timestamp", reason, detail, fingerprint, redriven_at,
       coalesce((cut -> 'value' ->> 'bytes')::bigint, octet_length(value), 0) AS value_bytes
FROM execledger.dead_letters
WHERE ($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text[] IS NULL OR reason = ANY ($2))
    AND ($3::text[] IS NULL OR fingerprint = ANY ($3)) AND ($4::timestamptz IS NULL OR "timestamp" >= $4)
    AND (redriven_at IS NULL OR $5) AND id > $6
ORDER BY id
LIMIT $7
