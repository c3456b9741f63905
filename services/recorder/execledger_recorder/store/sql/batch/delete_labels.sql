-- Labels and tags of executions whose set of them changed.
DELETE FROM execledger.execution_labels WHERE execution_id = ANY ($1::uuid[])
