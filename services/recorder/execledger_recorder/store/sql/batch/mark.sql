-- Days of usage, and roots of trees, that this batch touched. Of the executions that may be a root those are marked that
-- have a tree.
WITH days AS (
    INSERT INTO execledger.usage_marks (tenant_id, owner_id, day)
    SELECT tenant_id, owner_id, day FROM unnest($1::text[], $2::text[], $3::date[]) AS touched (tenant_id, owner_id, day)
)
INSERT INTO execledger.tree_marks (tenant_id, root_execution_id)
SELECT tenant_id, root_execution_id FROM unnest($4::text[], $5::text[]) AS named (tenant_id, root_execution_id)
UNION ALL
SELECT tenant_id, root_execution_id
FROM unnest($6::text[], $7::text[]) AS changed (tenant_id, root_execution_id)
JOIN execledger.trees USING (tenant_id, root_execution_id)
