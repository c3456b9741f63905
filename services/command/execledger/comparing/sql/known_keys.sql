-- Those of some keys ($1) that a table has.
SELECT {key}::text FROM {table} WHERE {has_key}
