-- Where the fold of an execution stands.
SELECT fold
FROM execledger.executions
WHERE id = $1
