-- Where the checkpoints of an execution stand.
SELECT version, head FROM execledger.checkpoints WHERE execution_id = $1
