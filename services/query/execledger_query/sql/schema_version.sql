-- The newest migration that the database has.
SELECT coalesce(max(version), 0) AS version
FROM execledger.migrations
