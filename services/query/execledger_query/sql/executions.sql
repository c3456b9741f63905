-- Executions, newest first, whole. The store puts a request's filters where the comment is, and keeps one plan for each set
-- of them.
SELECT id, external_id, tenant_id, /* columns */
FROM execledger.executions
WHERE true /* AND filters */
ORDER BY created_at DESC, id DESC
LIMIT $1
