-- The rows of some executions, to be compared with what the log gives; the id comes first.
SELECT id, tenant_id, external_id FROM execledger.execution_aliases WHERE id = ANY ($1::uuid[])
