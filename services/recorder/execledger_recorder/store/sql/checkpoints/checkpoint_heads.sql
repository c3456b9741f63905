-- The checkpoints of an execution, without what they hold.
SELECT version, head FROM execledger.checkpoints WHERE execution_id = $1
