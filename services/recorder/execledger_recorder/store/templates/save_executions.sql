-- The record of each execution that a batch changed, from where it was staged, in id order.
INSERT INTO execledger.executions AS known ({columns})
SELECT {columns}
FROM staged_executions
ORDER BY {key}
ON CONFLICT ({key}) DO UPDATE SET
    {updates}, heard_at = greatest(known.heard_at, excluded.heard_at), updated_at = now()
