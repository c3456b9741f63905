-- Of an execution what those need who read its parts: two rows where several have the external id that is asked for.
SELECT id, tenant_id, owner_id, root_execution_id, version
FROM execledger.executions
WHERE true /* AND filters */
LIMIT 2
