-- What the broker has taken.
DELETE FROM execledger.outbox WHERE id = ANY ($1::bigint[])
