-- The calls of some executions whose cost nobody reported.
SELECT execution_id, event_id, occurred_at, provider, model, prompt_tokens, completion_tokens, cached_tokens,
       cache_write_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, cache_hit, cost_usd
FROM execledger.llm_calls
WHERE execution_id = ANY ($1::uuid[]) AND cost_source IS DISTINCT FROM 'reported'
  AND ($2::timestamptz IS NULL OR occurred_at >= $2) AND ($3::timestamptz IS NULL OR occurred_at < $3)
ORDER BY execution_id, event_id
