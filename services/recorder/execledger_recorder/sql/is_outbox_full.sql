-- Whether so many messages wait already.
SELECT EXISTS (SELECT FROM execledger.outbox ORDER BY id OFFSET $1::bigint - 1 LIMIT 1)
