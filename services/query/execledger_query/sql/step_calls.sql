-- How many calls of models and tools name each step of an execution.
SELECT attempt, step_id, count(*) FILTER (WHERE is_llm) AS llm_calls, count(*) FILTER (WHERE NOT is_llm) AS tool_calls
FROM (
    SELECT attempt, step_id, true AS is_llm FROM execledger.llm_calls WHERE execution_id = $1
    UNION ALL
    SELECT attempt, step_id, false FROM execledger.tool_calls WHERE execution_id = $1
) AS call
WHERE step_id IS NOT NULL
GROUP BY attempt, step_id
