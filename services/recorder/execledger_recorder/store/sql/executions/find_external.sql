-- Who bears an external id: one execution within a tenant, several when no tenant is named.
SELECT tenant_id, id
FROM execledger.execution_aliases
WHERE external_id = $1 AND ($2::text IS NULL OR tenant_id = $2)
ORDER BY tenant_id
LIMIT 100
