-- The rows that a batch changed, from where they were staged, in key order.
INSERT INTO execledger.{table} ({columns})
SELECT {columns}
FROM staged_{table}
ORDER BY {key}
ON CONFLICT ({key}) DO UPDATE SET {updates}
