-- The steps without an end of their own: they read anew when the ending of their execution changes.
SELECT execution_id, fold
FROM execledger.steps
WHERE execution_id = ANY ($1::uuid[]) AND (execledger.is_open(status) OR provisional)
