-- What the broker has taken once more.
UPDATE execledger.dead_letters SET redriven_at = clock_timestamp() WHERE id = ANY ($1::bigint[])
