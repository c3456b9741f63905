-- Sums trees anew; one without descendants is dropped. Returns the roots that are recorded and whose sums changed, with
-- how often they did and how many events the root has.
WITH touched AS MATERIALIZED (
    SELECT named.tenant_id, named.root_execution_id, root.id, root.version
    FROM unnest($1::text[], $2::text[]) AS named (tenant_id, root_execution_id)
    LEFT JOIN execledger.execution_aliases AS alias
           ON alias.tenant_id = named.tenant_id AND alias.external_id = named.root_execution_id
    LEFT JOIN execledger.executions AS root ON root.id = alias.id AND root.root_execution_id = root.external_id
), member AS (
    SELECT touched.tenant_id, touched.root_execution_id, true AS is_descendant, below.status, below.total_tokens,
           below.cost_usd
    FROM touched
    JOIN execledger.executions AS below
      ON below.tenant_id = touched.tenant_id AND below.root_execution_id = touched.root_execution_id
     AND below.root_execution_id <> below.external_id
    UNION ALL
    SELECT touched.tenant_id, touched.root_execution_id, false, root.status, root.total_tokens, root.cost_usd
    FROM touched
    JOIN execledger.executions AS root ON root.id = touched.id
), summed AS MATERIALIZED (
    SELECT tenant_id, root_execution_id, count(*) AS executions,
           count(*) FILTER (WHERE execledger.is_open(status)) AS open,
           count(*) FILTER (WHERE execledger.has_failed(status)) AS failed,
           -- A larger sum is shown as the largest that the column holds.
           least(sum(total_tokens), 9223372036854775807)::bigint AS total_tokens, sum(cost_usd) AS cost_usd
    FROM member
    GROUP BY tenant_id, root_execution_id
    HAVING bool_or(is_descendant)
), gone AS (
    DELETE FROM execledger.trees AS tree USING touched
    WHERE (tree.tenant_id, tree.root_execution_id) = (touched.tenant_id, touched.root_execution_id)
      AND NOT EXISTS (
          SELECT FROM summed
          WHERE (summed.tenant_id, summed.root_execution_id) = (tree.tenant_id, tree.root_execution_id)
      )
    RETURNING tree.tenant_id, tree.root_execution_id, 0::bigint AS revision
), written AS (
    INSERT INTO execledger.trees AS tree (tenant_id, root_execution_id, executions, open, failed, total_tokens, cost_usd)
    SELECT tenant_id, root_execution_id, executions, open, failed, total_tokens, cost_usd
    FROM summed
    ORDER BY tenant_id, root_execution_id
    ON CONFLICT (tenant_id, root_execution_id) DO UPDATE
    SET executions = excluded.executions, open = excluded.open, failed = excluded.failed,
        total_tokens = excluded.total_tokens, cost_usd = excluded.cost_usd, revision = tree.revision + 1
    WHERE (tree.executions, tree.open, tree.failed, tree.total_tokens, tree.cost_usd)
          IS DISTINCT FROM
          (excluded.executions, excluded.open, excluded.failed, excluded.total_tokens, excluded.cost_usd)
    RETURNING tree.tenant_id, tree.root_execution_id, tree.revision
)
SELECT touched.id, touched.tenant_id, touched.version
FROM (SELECT * FROM written UNION ALL SELECT * FROM gone) AS changed
JOIN touched USING (tenant_id, root_execution_id)
WHERE touched.id IS NOT NULL
ORDER BY touched.id
