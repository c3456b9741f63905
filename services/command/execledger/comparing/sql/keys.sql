-- The key of each row.
SELECT {key}::text FROM {table}
