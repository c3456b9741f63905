-- Whose some executions are.
SELECT tenant_id, owner_id FROM execledger.executions WHERE id = ANY ($1::uuid[])
