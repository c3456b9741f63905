-- A row that the log of its execution no longer gives.
DELETE FROM execledger.{table} WHERE {matches}
