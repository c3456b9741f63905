-- Computes days of usage anew from the executions' final figures; a day on which nothing is left is dropped.
WITH computed AS (
    SELECT touched.tenant_id, touched.owner_id, touched.day, count(execution.id) AS executions,
           count(*) FILTER (WHERE execledger.is_done(execution.status)) AS completed,
           count(*) FILTER (WHERE execledger.has_failed(execution.status)) AS failed,
           -- A larger sum is shown as the largest that the column holds.
           least(sum(execution.prompt_tokens), 9223372036854775807) AS prompt_tokens,
           least(sum(execution.completion_tokens), 9223372036854775807) AS completion_tokens,
           least(sum(execution.total_tokens), 9223372036854775807) AS total_tokens,
           sum(execution.cost_usd) AS cost_usd
    FROM unnest($1::text[], $2::text[], $3::date[]) AS touched (tenant_id, owner_id, day)
    LEFT JOIN execledger.executions AS execution
           ON execution.tenant_id = touched.tenant_id AND execution.usage_day = touched.day
          AND execution.owner_id IS NOT DISTINCT FROM nullif(touched.owner_id, '')
    GROUP BY touched.tenant_id, touched.owner_id, touched.day
), emptied AS (
    DELETE FROM execledger.usage_daily AS known USING computed
    WHERE (known.tenant_id, known.owner_id, known.day) = (computed.tenant_id, computed.owner_id, computed.day)
      AND computed.executions = 0
)
INSERT INTO execledger.usage_daily (tenant_id, owner_id, day, executions, completed, failed, prompt_tokens,
                                    completion_tokens, total_tokens, cost_usd)
SELECT tenant_id, owner_id, day, executions, completed, failed, prompt_tokens, completion_tokens, total_tokens, cost_usd
FROM computed
WHERE executions > 0
ORDER BY tenant_id, owner_id, day
ON CONFLICT (tenant_id, owner_id, day) DO UPDATE
SET executions = excluded.executions, completed = excluded.completed, failed = excluded.failed,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    total_tokens = excluded.total_tokens, cost_usd = excluded.cost_usd
