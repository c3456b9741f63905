-- How many executions of a workflow there are.
SELECT count(*) AS total
FROM execledger.executions
WHERE workflow_uuid = $1 AND ($2::text[] IS NULL OR status = ANY ($2::text[]))
