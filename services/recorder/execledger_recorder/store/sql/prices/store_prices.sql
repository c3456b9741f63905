-- Writes computed prices, never over what was reported.
UPDATE execledger.llm_calls AS call
SET cost_usd = priced.cost_usd, cost_source = 'computed', price_version = $4
FROM unnest($1::uuid[], $2::uuid[], $3::numeric[]) AS priced (execution_id, event_id, cost_usd)
WHERE call.execution_id = priced.execution_id AND call.event_id = priced.event_id
  AND call.cost_source IS DISTINCT FROM 'reported'
