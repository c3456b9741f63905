-- What a checkpoint holds.
SELECT state FROM execledger.checkpoints WHERE execution_id = $1 AND version = $2
