-- Executions as a list shows them, newest first: members that are large are left out, and named. As for the filters, see
-- executions.sql.
SELECT id, external_id, tenant_id, /* small columns */
FROM execledger.executions
WHERE true /* AND filters */
ORDER BY created_at DESC, id DESC
LIMIT $1
