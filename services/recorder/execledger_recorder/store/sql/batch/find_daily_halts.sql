-- Open executions of a day on which a limit of their owner or tenant is passed, and that were not halted for it in this
-- attempt: a row for each kind of limit. What was imported as a whole is left alone. The limits within make the planner
-- go by the index on tenant and status: what is open is a small part of a big table.
WITH open AS MATERIALIZED (
    SELECT tenant.tenant_id, found.owner_id, found.day
    FROM (SELECT DISTINCT tenant_id FROM execledger.daily_limits) AS tenant
    CROSS JOIN LATERAL (
        SELECT DISTINCT coalesce(owner_id, '') AS owner_id, usage_day AS day
        FROM execledger.executions
        WHERE tenant_id = tenant.tenant_id AND execledger.is_open(status)
    ) AS found
), passed AS MATERIALIZED (
    SELECT scope.tenant_id, scope.owner_id, scope.day, limits.kind, limits.value, limits.consumed
    FROM (
        SELECT DISTINCT daily.*, open.day
        FROM execledger.daily_limits AS daily
        JOIN open ON open.tenant_id = daily.tenant_id AND daily.owner_id IN ('', open.owner_id)
    ) AS scope
    CROSS JOIN LATERAL (
        SELECT sum(total_tokens) AS tokens, sum(cost_usd) AS cost_usd
        FROM execledger.usage_daily
        WHERE tenant_id = scope.tenant_id AND day = scope.day AND scope.owner_id IN ('', owner_id)
    ) AS used
    CROSS JOIN LATERAL (
        VALUES ('tokens', scope.token_limit::numeric, used.tokens), ('cost_usd', scope.cost_limit_usd, used.cost_usd)
    ) AS limits (kind, value, consumed)
    WHERE limits.consumed > limits.value
)
SELECT due.id, passed.tenant_id, due.external_id, due.attempt, due.root_execution_id, passed.kind,
       CASE passed.owner_id WHEN '' THEN 'tenant' ELSE 'owner' END AS scope, passed.day, passed.value, passed.consumed
FROM passed
CROSS JOIN LATERAL (
    SELECT id, external_id, attempt, root_execution_id
    FROM execledger.executions AS execution
    WHERE tenant_id = passed.tenant_id AND execledger.is_open(status) AND usage_day = passed.day
      AND passed.owner_id IN ('', owner_id)
      AND NOT EXISTS (
          SELECT FROM execledger.limit_commands AS sent
          WHERE sent.execution_id = execution.id AND sent.attempt = execution.attempt AND sent.type = 'halt'
            AND sent.kind = passed.kind AND sent.whose = CASE passed.owner_id WHEN '' THEN 'tenant' ELSE 'owner' END
            AND sent.day = passed.day AND sent.value = passed.value
      )
      AND EXISTS (
          SELECT FROM execledger.execution_events AS event
          WHERE event.execution_id = execution.id AND event.raw ->> 'source' <> $1
            AND NOT starts_with(event.raw ->> 'source', $1 || ':')
      )
    LIMIT $2
) AS due
LIMIT $2
