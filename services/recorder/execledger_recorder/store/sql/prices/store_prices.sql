-- Writes computed prices, never over what was reported, and keeps what they were before.
WITH priced AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[]) AS priced (execution_id, event_id, cost_usd)
), kept AS (
    INSERT INTO execledger.former_prices (execution_id, event_id, tenant_id, cost_usd)
    SELECT call.execution_id, call.event_id, call.tenant_id, call.cost_usd
    FROM execledger.llm_calls AS call
    JOIN priced ON call.execution_id = priced.execution_id AND call.event_id = priced.event_id
    WHERE call.cost_source IS DISTINCT FROM 'reported'
)
UPDATE execledger.llm_calls AS call
SET cost_usd = priced.cost_usd, cost_source = 'computed', price_version = $4
FROM priced
WHERE call.execution_id = priced.execution_id AND call.event_id = priced.event_id
  AND call.cost_source IS DISTINCT FROM 'reported'
