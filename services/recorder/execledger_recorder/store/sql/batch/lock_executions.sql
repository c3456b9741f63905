-- The current rows of a batch, locked in id order so that two recorders cannot deadlock.
SELECT id, status, owner_id, usage_day, fold, tenant_id, external_id, attempt, total_tokens, cost_nanos, token_limit,
       cost_limit_usd, budget_scope, root_execution_id,
       floor(extract(epoch FROM execledger.start_of(started_at, created_at)) / 3600)::integer AS start_hour
FROM execledger.executions
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR UPDATE
