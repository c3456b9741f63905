-- The rows of executions that are written anew.
DELETE FROM execledger.{table} WHERE {id_column} = ANY ($1::uuid[])
