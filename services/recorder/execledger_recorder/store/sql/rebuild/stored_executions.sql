-- The rows of some executions, to be compared with what the log gives; the id comes first.
SELECT * FROM execledger.executions WHERE id = ANY ($1::uuid[])
