-- Which logins read the compatibility views, and as whom.
SELECT role_name::text, role, tenant_id, owner_id FROM execledger.sql_access ORDER BY role_name
