-- The attempts of an execution as its log tells them: extent, calls, and the first ending that was not refused.
SELECT
    attempt,
    min(occurred_at) AS started_at,
    max(occurred_at) AS last_event_at,
    count(*) FILTER (WHERE type = 'llm.called') AS llm_calls,
    count(*) FILTER (WHERE type = 'tool.called') AS tool_calls,
    (array_agg(type ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id)
        FILTER (WHERE type = ANY($2::text[]) AND outcome <> 'rejected'))[1] AS ending,
    (array_agg(occurred_at ORDER BY occurred_at, coalesce(sequence, -1), rank, event_id)
        FILTER (WHERE type = ANY($2::text[]) AND outcome <> 'rejected'))[1] AS ended_at
FROM execledger.execution_events
WHERE execution_id = $1
GROUP BY attempt
ORDER BY attempt
