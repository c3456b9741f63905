-- Halts about to be sent; one that was sent already is not returned.
INSERT INTO execledger.halts (execution_id, attempt, kind, scope)
SELECT execution_id, attempt, kind, scope
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) AS due (execution_id, attempt, kind, scope)
ORDER BY execution_id, attempt, kind, scope
ON CONFLICT DO NOTHING
RETURNING execution_id, attempt, kind, scope
