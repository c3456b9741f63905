-- The columns of a table with their types, for those that are written in COPY's binary format.
SELECT attname::text AS name, format_type(atttypid, NULL) AS type, NOT attnotnull AS is_nullable
FROM pg_attribute
WHERE attrelid = format('execledger.%I', $1::text)::regclass AND attnum > 0 AND NOT attisdropped
