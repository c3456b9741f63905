-- The rows of a table, each as JSON of some columns.
SELECT row_to_json(one)::text FROM (SELECT {columns} FROM {table}) AS one
