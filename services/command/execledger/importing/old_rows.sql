-- The rows of an older table behind a key, in its order, each as JSON.
SELECT row_to_json(old)::text AS row, old.id::text AS key
FROM {table} AS old
WHERE $1::text IS NULL OR old.id > $1::text::{type}
ORDER BY old.id
