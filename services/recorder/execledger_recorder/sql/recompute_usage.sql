-- Computes days of usage anew from the executions' final figures.
INSERT INTO execledger.usage_daily (tenant_id, owner_id, day, executions, completed, failed, prompt_tokens,
                                    completion_tokens, total_tokens, cost_usd)
SELECT touched.tenant_id, touched.owner_id, touched.day, count(execution.id),
       count(*) FILTER (WHERE execution.status = 'completed'),
       count(*) FILTER (WHERE execution.status IN ('failed', 'timed_out')),
       coalesce(sum(execution.prompt_tokens), 0), coalesce(sum(execution.completion_tokens), 0),
       coalesce(sum(execution.total_tokens), 0), coalesce(sum(execution.cost_usd), 0)
FROM unnest($1::text[], $2::text[], $3::date[]) AS touched (tenant_id, owner_id, day)
LEFT JOIN execledger.executions AS execution
       ON execution.tenant_id = touched.tenant_id AND execution.usage_day = touched.day
      AND execution.owner_id IS NOT DISTINCT FROM nullif(touched.owner_id, '')
GROUP BY touched.tenant_id, touched.owner_id, touched.day
ORDER BY touched.tenant_id, touched.owner_id, touched.day
ON CONFLICT (tenant_id, owner_id, day) DO UPDATE
SET executions = excluded.executions, completed = excluded.completed, failed = excluded.failed,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    total_tokens = excluded.total_tokens, cost_usd = excluded.cost_usd
