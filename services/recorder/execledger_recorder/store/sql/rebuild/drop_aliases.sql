-- Names of executions that the log knows by other names.
DELETE FROM execledger.execution_aliases WHERE id = ANY ($1::uuid[])
