-- The prices that were computed for calls of some executions, from an attempt and time on. Apart from the log: joined to
-- it, a planner that believes in few rows compares each event with each call.
SELECT execution_id, event_id, cost_usd
FROM execledger.llm_calls
WHERE execution_id = ANY ($1::uuid[]) AND cost_source = 'computed'
  AND (attempt, occurred_at) >= ($2::bigint, $3::timestamptz)
