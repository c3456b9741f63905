-- What of trees is to be told that the budget of their root is near, or passed: the root once that it is near, and every
-- open execution once in an attempt that it is passed. Of a tree whose root hears nothing, for it has ended, each open
-- execution is told both. What was imported as a whole is left alone. Warnings come first: whoever is halted was warned. Trees
-- take turns: a large one keeps no other waiting.
WITH budget AS MATERIALIZED (
    SELECT tree.tenant_id, tree.root_execution_id, root.id AS root_id, limits.kind, limits.value, limits.consumed,
           limits.consumed > limits.value AS is_passed,
           execledger.is_open(root.status) AND EXISTS (
               SELECT FROM execledger.execution_events AS event
               WHERE event.execution_id = root.id AND event.raw ->> 'source' <> $4
                 AND NOT starts_with(event.raw ->> 'source', $4 || ':')
           ) AS root_hears
    FROM unnest($1::text[], $2::text[]) AS touched (tenant_id, root_execution_id)
    JOIN execledger.trees AS tree USING (tenant_id, root_execution_id)
    JOIN execledger.execution_aliases AS alias
      ON alias.tenant_id = tree.tenant_id AND alias.external_id = tree.root_execution_id
    JOIN execledger.executions AS root
      ON root.id = alias.id AND root.root_execution_id = root.external_id AND root.budget_scope = 'tree'
    CROSS JOIN LATERAL (
        VALUES ('tokens', root.token_limit::numeric, tree.total_tokens::numeric),
               ('cost_usd', root.cost_limit_usd, tree.cost_usd)
    ) AS limits (kind, value, consumed)
    WHERE limits.consumed >= limits.value * $3 AND limits.consumed > 0
), told AS (
    SELECT budget.*, said.type, budget.root_id AS id
    FROM budget
    CROSS JOIN LATERAL (VALUES ('warning', true), ('halt', is_passed)) AS said (type, is_due)
    WHERE said.is_due AND root_hears
    UNION ALL
    SELECT budget.*, said.type, below.id
    FROM budget
    CROSS JOIN LATERAL (VALUES ('warning', NOT root_hears), ('halt', is_passed)) AS said (type, is_due)
    JOIN execledger.executions AS below
      ON below.tenant_id = budget.tenant_id AND below.root_execution_id = budget.root_execution_id
     AND below.root_execution_id <> below.external_id
    WHERE said.is_due
)
SELECT execution.id, told.type, execution.tenant_id, execution.external_id, execution.attempt,
       execution.root_execution_id, told.kind, 'tree' AS scope, NULL::date AS day, told.value, told.consumed
FROM told
JOIN execledger.executions AS execution ON execution.id = told.id
WHERE execledger.is_open(execution.status)
  -- By the index for each, never by a join: of a table that was small a minute ago each would read all that was sent.
  AND NOT EXISTS (
      SELECT FROM execledger.limit_commands AS sent
      WHERE sent.execution_id = execution.id AND sent.attempt = execution.attempt AND sent.type = told.type
        AND sent.kind = told.kind AND sent.whose = 'budget' AND sent.value = told.value
      OFFSET 0
  )
  AND EXISTS (
      SELECT FROM execledger.execution_events AS event
      WHERE event.execution_id = execution.id AND event.raw ->> 'source' <> $4
        AND NOT starts_with(event.raw ->> 'source', $4 || ':')
      OFFSET 0
  )
ORDER BY row_number() OVER (
    PARTITION BY told.tenant_id, told.root_execution_id ORDER BY told.type = 'halt', execution.id
), execution.id
LIMIT $5
