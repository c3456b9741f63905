-- Takes some marks, and the trees that are to be summed once more.
WITH taken AS (
    DELETE FROM execledger.tree_marks
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM execledger.tree_marks LIMIT $1))
    RETURNING tenant_id, root_execution_id
), asked AS (
    UPDATE execledger.trees SET sum_again_at = pg_snapshot_xmax(pg_current_snapshot())
    WHERE NOT is_settled AND sum_again_at IS NULL
), settled AS (
    UPDATE execledger.trees SET is_settled = true
    WHERE NOT is_settled AND sum_again_at <= pg_snapshot_xmin(pg_current_snapshot())
    RETURNING tenant_id, root_execution_id
)
SELECT tenant_id, root_execution_id FROM taken
UNION
SELECT tenant_id, root_execution_id FROM settled
ORDER BY tenant_id, root_execution_id
