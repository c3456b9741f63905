-- The rows of some executions, to be compared with what the log gives.
SELECT * FROM execledger.{table} WHERE {id_column} = ANY ($1::uuid[])
