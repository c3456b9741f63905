-- Every logged event of some executions, with the price that was computed for it.
SELECT event.execution_id, event.event_id, event.raw, call.cost_usd AS computed_usd
FROM execledger.execution_events AS event
LEFT JOIN (
    -- Named once more, so that the calls are found by their key, whatever the planner believes of their number.
    SELECT execution_id, event_id, cost_usd
    FROM execledger.llm_calls
    WHERE execution_id = ANY ($1::uuid[]) AND cost_source = 'computed'
) AS call USING (execution_id, event_id)
WHERE event.execution_id = ANY ($1::uuid[])
