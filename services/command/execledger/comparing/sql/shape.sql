-- No row of a table: its columns and their types.
SELECT * FROM {table} LIMIT 0
