-- Checkpoints that an event has a part in which came late.
DELETE FROM execledger.checkpoints
USING unnest($1::uuid[], $2::bigint[]) AS held (execution_id, upto)
WHERE checkpoints.execution_id = held.execution_id AND version > upto
