-- The rows of a view under one of these keys ($1), each as JSON of some columns.
SELECT row_to_json(one)::text FROM (SELECT {columns} FROM {table} WHERE {where}) AS one
