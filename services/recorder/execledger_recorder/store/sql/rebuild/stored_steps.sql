-- The rows of some executions, to be compared with what the log gives; the id comes first.
SELECT * FROM execledger.steps WHERE execution_id = ANY ($1::uuid[])
