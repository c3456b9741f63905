-- Whether so many messages wait already. They are counted only where the ids leave room for that many.
SELECT (SELECT max(id) - min(id) + 1 FROM execledger.outbox) >= $1::bigint
    AND EXISTS (SELECT FROM execledger.outbox ORDER BY id OFFSET $1::bigint - 1 LIMIT 1)
