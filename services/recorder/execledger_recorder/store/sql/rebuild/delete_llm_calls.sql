-- LLM calls of some executions that the log does not have.
DELETE FROM execledger.llm_calls
WHERE execution_id = ANY ($1::uuid[])
  AND (execution_id, event_id) NOT IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))
