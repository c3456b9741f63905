-- Lets a login read the compatibility views as that reader; why it may not, else null.
SELECT execledger.grant_sql_access($1::text::name, $2::text, $3::text, $4::text)
