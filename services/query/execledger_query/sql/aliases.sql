-- Who bears an external id: one execution within a tenant, several for somebody who sees more than one.
SELECT id, tenant_id
FROM execledger.execution_aliases
WHERE external_id = $1 AND ($2::text IS NULL OR tenant_id = $2)
ORDER BY tenant_id
LIMIT 100
