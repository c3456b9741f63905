-- Of these executions those that have not ended.
SELECT id
FROM execledger.executions
WHERE id = ANY ($1::uuid[]) AND execledger.is_open(status)
