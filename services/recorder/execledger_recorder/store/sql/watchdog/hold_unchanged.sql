-- Those of some open executions that no event has come for since they were read, held until the transaction ends. One
-- that a batch holds is being heard right now.
SELECT execution.id
FROM execledger.executions AS execution
JOIN unnest($1::uuid[], $2::bigint[]) AS seen (id, version) ON seen.id = execution.id
WHERE execution.version = seen.version AND execledger.is_open(execution.status)
ORDER BY execution.id
FOR UPDATE OF execution SKIP LOCKED
