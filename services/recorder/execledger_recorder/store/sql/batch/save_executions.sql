-- The record of each execution that a batch changed, from where it was staged, in id order.
INSERT INTO execledger.executions AS known (
    id, tenant_id, external_id, version, status, provisional, attempt, owner_id, owner_email, owner_name,
    session_id, workflow_id, workflow_name, workflow_version, trigger_mode, trigger_event_id, trigger_event_name,
    mode, query, created_at, started_at, ended_at, duration_ms, progress_percent, completed_steps, total_steps,
    error_message, error_type, error_event_id, input_event_id, output_event_id, result_event_id, prompt_tokens,
    completion_tokens, total_tokens, cost_usd, cost_nanos, cost_source, agents_used, tools_invoked, cache_hits,
    complexity_score, timeout_seconds, token_limit, cost_limit_usd, cancelled_by, cancel_reason,
    cancel_requested_at, killed_by_budget, tags, labels, metadata, parent_execution_id, root_execution_id,
    traceparent, usage_day, fold, tenant_uuid, owner_uuid, workflow_uuid, venture_id, venture_uuid, prd_id,
    prd_uuid, sd_id, board_meeting_id, board_meeting_uuid, message_id, graph_id, heard_at
)
SELECT
    id, tenant_id, external_id, version, status, provisional, attempt, owner_id, owner_email, owner_name,
    session_id, workflow_id, workflow_name, workflow_version, trigger_mode, trigger_event_id, trigger_event_name,
    mode, query, created_at, started_at, ended_at, duration_ms, progress_percent, completed_steps, total_steps,
    error_message, error_type, error_event_id, input_event_id, output_event_id, result_event_id, prompt_tokens,
    completion_tokens, total_tokens, cost_usd, cost_nanos, cost_source, agents_used, tools_invoked, cache_hits,
    complexity_score, timeout_seconds, token_limit, cost_limit_usd, cancelled_by, cancel_reason,
    cancel_requested_at, killed_by_budget, tags, labels, metadata, parent_execution_id, root_execution_id,
    traceparent, usage_day, fold, tenant_uuid, owner_uuid, workflow_uuid, venture_id, venture_uuid, prd_id,
    prd_uuid, sd_id, board_meeting_id, board_meeting_uuid, message_id, graph_id, heard_at
FROM staged_executions
ORDER BY id
ON CONFLICT (id) DO UPDATE SET
    version = excluded.version, status = excluded.status, provisional = excluded.provisional,
    attempt = excluded.attempt, owner_id = excluded.owner_id, owner_email = excluded.owner_email,
    owner_name = excluded.owner_name, session_id = excluded.session_id, workflow_id = excluded.workflow_id,
    workflow_name = excluded.workflow_name, workflow_version = excluded.workflow_version,
    trigger_mode = excluded.trigger_mode, trigger_event_id = excluded.trigger_event_id,
    trigger_event_name = excluded.trigger_event_name, mode = excluded.mode, query = excluded.query,
    created_at = excluded.created_at, started_at = excluded.started_at, ended_at = excluded.ended_at,
    duration_ms = excluded.duration_ms, progress_percent = excluded.progress_percent,
    completed_steps = excluded.completed_steps, total_steps = excluded.total_steps,
    error_message = excluded.error_message, error_type = excluded.error_type,
    error_event_id = excluded.error_event_id, input_event_id = excluded.input_event_id,
    output_event_id = excluded.output_event_id, result_event_id = excluded.result_event_id,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    total_tokens = excluded.total_tokens, cost_usd = excluded.cost_usd, cost_nanos = excluded.cost_nanos,
    cost_source = excluded.cost_source, agents_used = excluded.agents_used, tools_invoked = excluded.tools_invoked,
    cache_hits = excluded.cache_hits, complexity_score = excluded.complexity_score,
    timeout_seconds = excluded.timeout_seconds, token_limit = excluded.token_limit,
    cost_limit_usd = excluded.cost_limit_usd, cancelled_by = excluded.cancelled_by,
    cancel_reason = excluded.cancel_reason, cancel_requested_at = excluded.cancel_requested_at,
    killed_by_budget = excluded.killed_by_budget, tags = excluded.tags, labels = excluded.labels,
    metadata = excluded.metadata, parent_execution_id = excluded.parent_execution_id,
    root_execution_id = excluded.root_execution_id, traceparent = excluded.traceparent,
    usage_day = excluded.usage_day, fold = excluded.fold, owner_uuid = excluded.owner_uuid,
    workflow_uuid = excluded.workflow_uuid, venture_id = excluded.venture_id, venture_uuid = excluded.venture_uuid,
    prd_id = excluded.prd_id, prd_uuid = excluded.prd_uuid, sd_id = excluded.sd_id,
    board_meeting_id = excluded.board_meeting_id, board_meeting_uuid = excluded.board_meeting_uuid,
    message_id = excluded.message_id, graph_id = excluded.graph_id,
    heard_at = greatest(known.heard_at, excluded.heard_at), updated_at = now()
