-- Of the checkpoints of an execution only these versions stay.
DELETE FROM execledger.checkpoints WHERE execution_id = $1 AND version <> ALL ($2::bigint[])
