-- A page of executions, as JSON or as columns. The store puts a request's filters, its sort and what is shown where the
-- comments are, and repeats the branch for alternatives that have an index each. Trees are those of roots.
SELECT /* shown */ id, sort_value
FROM (
    SELECT
        page.*, tree.executions AS tree_executions, tree.open AS tree_open, tree.failed AS tree_failed,
        tree.total_tokens AS tree_total_tokens, tree.cost_usd AS tree_cost_usd, tree.revision AS tree_revision,
        /* is large */ false AS has_large
    FROM (
        /* branch */
        SELECT execution.*, /* sort */ id AS sort_value
        FROM execledger.executions AS execution
        WHERE true /* AND filters */
        ORDER BY /* order */ id
        LIMIT $1
        /* end of branch */
    ) AS page
    LEFT JOIN /* trees */ execledger.trees AS tree
        ON tree.tenant_id = page.tenant_id AND tree.root_execution_id = page.external_id
        AND page.root_execution_id = page.external_id
) AS execution
ORDER BY /* order */ id
