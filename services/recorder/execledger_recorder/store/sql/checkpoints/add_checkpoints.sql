-- Checkpoints that were just taken; one of the same version was void.
INSERT INTO execledger.checkpoints (execution_id, version, head, state)
SELECT $1, taken.* FROM unnest($2::bigint[], $3::text[], $4::text[]) AS taken (version, head, state)
ON CONFLICT (execution_id, version) DO UPDATE SET head = excluded.head, state = excluded.state
