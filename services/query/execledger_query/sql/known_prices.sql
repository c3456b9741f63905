-- The computed prices of an execution's calls, as they were stored at a moment; as they are without one.
SELECT call.event_id, CASE WHEN former.event_id IS NULL THEN call.cost_usd ELSE former.cost_usd END AS cost_usd
FROM execledger.llm_calls AS call
LEFT JOIN LATERAL (
    SELECT event_id, cost_usd
    FROM execledger.former_prices
    WHERE execution_id = call.execution_id AND event_id = call.event_id
      AND date_trunc('milliseconds', replaced_at) > $2::timestamptz
    ORDER BY replaced_at
    LIMIT 1
) AS former ON true
WHERE call.execution_id = $1 AND call.cost_source = 'computed'
