-- Passwords for the accounts of the two services; the migrations make the accounts without one. For psql.
\set ON_ERROR_STOP on
\getenv recorder_password POSTGRES_RECORDER_PASSWORD
\getenv query_password POSTGRES_QUERY_PASSWORD
ALTER ROLE execledger_recorder PASSWORD :'recorder_password';
ALTER ROLE execledger_query PASSWORD :'query_password';
