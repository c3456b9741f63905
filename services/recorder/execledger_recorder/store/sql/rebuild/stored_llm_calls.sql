-- The rows of some executions, to be compared with what the log gives; the id comes first.
SELECT * FROM execledger.llm_calls WHERE execution_id = ANY ($1::uuid[])
