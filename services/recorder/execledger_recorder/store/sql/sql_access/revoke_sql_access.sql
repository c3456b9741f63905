-- Takes a login's access to the compatibility views away; whether it had any.
SELECT execledger.revoke_sql_access($1::text::name)
