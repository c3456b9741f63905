-- The rows of some executions, to be compared with what the log gives; the id comes first.
SELECT * FROM execledger.execution_labels WHERE execution_id = ANY ($1::uuid[])
