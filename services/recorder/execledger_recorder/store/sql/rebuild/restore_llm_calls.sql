-- LLM calls as the log has them. What nobody reported a cost for keeps the price that was computed when it was recorded.
INSERT INTO execledger.llm_calls AS known (
    execution_id, event_id, tenant_id, occurred_at, attempt, provider, model, prompt_tokens, completion_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, cost_usd, cost_source, price_version,
    duration_ms, error, agent_id, step_id, cache_hit, row_uuid
)
SELECT
    execution_id, event_id, tenant_id, occurred_at, attempt, provider, model, prompt_tokens, completion_tokens, cached_tokens,
    cache_write_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, cost_usd, cost_source, price_version,
    duration_ms, error, agent_id, step_id, cache_hit, row_uuid
FROM jsonb_populate_recordset(NULL::execledger.llm_calls, $1::jsonb)
ON CONFLICT (execution_id, event_id) DO UPDATE SET
    tenant_id = excluded.tenant_id, occurred_at = excluded.occurred_at, attempt = excluded.attempt,
    provider = excluded.provider, model = excluded.model, prompt_tokens = excluded.prompt_tokens,
    completion_tokens = excluded.completion_tokens, cached_tokens = excluded.cached_tokens,
    cache_write_tokens = excluded.cache_write_tokens, reasoning_tokens = excluded.reasoning_tokens,
    input_audio_tokens = excluded.input_audio_tokens, output_audio_tokens = excluded.output_audio_tokens,
    duration_ms = excluded.duration_ms, error = excluded.error, agent_id = excluded.agent_id,
    step_id = excluded.step_id, cache_hit = excluded.cache_hit, row_uuid = excluded.row_uuid,
    cost_usd = CASE WHEN excluded.cost_source = 'reported' OR known.cost_source IS DISTINCT FROM 'computed'
                    THEN excluded.cost_usd ELSE known.cost_usd END,
    cost_source = CASE WHEN excluded.cost_source = 'reported' OR known.cost_source IS DISTINCT FROM 'computed'
                       THEN excluded.cost_source ELSE known.cost_source END,
    price_version = CASE WHEN excluded.cost_source = 'reported' OR known.cost_source IS DISTINCT FROM 'computed'
                         THEN excluded.price_version ELSE known.price_version END
