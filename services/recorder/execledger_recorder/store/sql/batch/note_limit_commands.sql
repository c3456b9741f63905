-- Commands about to be sent for limits; one that was sent already is not returned.
INSERT INTO execledger.limit_commands (execution_id, attempt, type, kind, whose, day, value)
SELECT execution_id, attempt, type, kind, whose, day, value
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::date[], $7::numeric[])
     AS due (execution_id, attempt, type, kind, whose, day, value)
ORDER BY execution_id, attempt, type, kind, whose, day, value
ON CONFLICT DO NOTHING
RETURNING execution_id, attempt, type, kind, whose, day, value
