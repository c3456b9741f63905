-- Schema `compat`: the tables that five teams query already, as views of the record (docs/compat.md). Columns, their order and
-- types are those of the tables; a value that a type cannot hold is shown as the nearest that it can, never an error. What is
-- read from the log, or summed, costs nothing where it is not selected.

CREATE SCHEMA compat;

-- In plpgsql, which plans no branch that is not taken: where an argument is known, a plan of plain SQL works out all of them.
CREATE FUNCTION execledger.as_jsonb(value json) RETURNS jsonb LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF pg_input_is_valid(value::text, 'jsonb') THEN
        RETURN value::text::jsonb;
    END IF;
    RETURN to_jsonb(value::text);
END
$$;
COMMENT ON FUNCTION execledger.as_jsonb IS
    'JSON as jsonb; what jsonb refuses, as a number with a hundred thousand digits, as its text.';

CREATE FUNCTION execledger.as_integer(value bigint) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN value > 2147483647 THEN 2147483647 ELSE value::integer END;

CREATE FUNCTION execledger.json_time(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- What an event in the log said: its data, or a part of it.
CREATE FUNCTION execledger.said(execution uuid, event uuid) RETURNS json LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN json_typeof(raw -> 'data') IS NULL OR json_typeof(raw -> 'data') = 'null'
                THEN raw -> 'data_base64' ELSE raw -> 'data' END
    FROM execledger.execution_events WHERE execution_id = execution AND event_id = event;
END;

-- What the log has of columns that are none of its own: the event's data; of an imported row its attribute `row`, JSON in
-- a text.
CREATE FUNCTION execledger.row_of(raw json) RETURNS json LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF pg_input_is_valid(raw ->> 'row', 'json') THEN
        RETURN raw ->> 'row';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION execledger.columns_said(raw json, imported_from text) RETURNS json LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN imported_from IS NOT NULL THEN execledger.row_of(raw)
                WHEN json_typeof(raw -> 'data') = 'object' THEN raw -> 'data' END;
CREATE FUNCTION execledger.time_of(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF pg_input_is_valid(value, 'timestamptz') THEN
        RETURN value;
    END IF;
    RETURN NULL;
END
$$;

-- The phases of an execution by name: of a loop the greatest iteration, and of that the last attempt and try.
CREATE FUNCTION execledger.phase_results(execution uuid) RETURNS jsonb LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(jsonb_object_agg(phase.name, jsonb_build_object(
        'status', CASE WHEN phase.status = 'timed_out' THEN 'failed' ELSE phase.status END,
        'output', execledger.as_jsonb(execledger.said(execution, phase.output_event_id) -> 'output'),
        'error', phase.error_message,
        'duration_ms', phase.duration_ms,
        'metadata', phase.metadata)), '{}')
    FROM (
        SELECT DISTINCT ON (coalesce(name, step_id)) coalesce(name, step_id) AS name, status, output_event_id, error_message,
               duration_ms, metadata
        FROM execledger.steps WHERE execution_id = execution
        ORDER BY coalesce(name, step_id), iteration_key DESC, attempt DESC, try_number DESC, first_event_at DESC, step_id DESC
    ) AS phase;
END;

-- Each try of a step, in order of its first event; what is unknown is absent.
CREATE FUNCTION execledger.steps_log(execution uuid) RETURNS json LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(json_agg(entry.said ORDER BY step.first_event_at, step.step_id COLLATE "C", step.iteration_key,
                                                 step.attempt, step.try_number), '[]')
    FROM execledger.steps AS step
    CROSS JOIN LATERAL (
        SELECT json_object_agg(key, value ORDER BY place) AS said
        FROM (VALUES
            (1, 'status', to_json(CASE WHEN step.status = 'skipped' THEN 'COMPLETED' WHEN step.status = 'cancelled' THEN 'CANCELED'
                                       ELSE upper(step.status) END)),
            (2, 'stepId', to_json(step.step_id)),
            (3, 'operation', to_json(step.operation)),
            (4, 'stepName', to_json(step.name)),
            (5, 'name', to_json(step.name)),
            (6, 'input', execledger.said(execution, step.input_event_id) -> 'input'),
            (7, 'output', execledger.said(execution, step.output_event_id) -> 'output'),
            (8, 'error', CASE WHEN step.error_event_id IS NOT NULL THEN (
                SELECT json_object_agg(key, value ORDER BY place)
                FROM (VALUES
                    (1, 'message', step.error_message),
                    (2, 'stack', execledger.said(execution, step.error_event_id) -> 'error' ->> 'stack'),
                    (3, 'name', step.error_type)
                ) AS part (place, key, value)
                WHERE value IS NOT NULL
            ) END),
            (9, 'startedAt', to_json(execledger.json_time(step.started_at))),
            (10, 'endedAt', to_json(execledger.json_time(step.ended_at))),
            (11, 'durationMs', to_json(step.duration_ms)),
            (12, 'iteration', to_json(step.iteration)),
            (13, 'totalItems', to_json(step.total_items))
        ) AS part (place, key, value)
        WHERE value IS NOT NULL
    ) AS entry
    WHERE step.execution_id = execution;
END;

CREATE VIEW compat.crewai_flow_executions WITH (security_invoker) AS
SELECT
    row_uuid AS id,
    workflow_uuid AS flow_id,
    execution_key,
    execledger.as_jsonb(execledger.said(id, input_event_id) -> 'input') AS input_state,
    execledger.as_jsonb(execledger.said(id, output_event_id) -> 'output') AS output_state,
    metadata,
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'timeout'::varchar(20) END AS status,
    error_message,
    execledger.said(id, error_event_id) -> 'error' ->> 'stack' AS error_stack,
    left(error_type, 100)::varchar(100) AS error_type,
    CASE WHEN started_at IS NULL THEN created_at ELSE started_at END AS started_at,
    ended_at AS completed_at,
    CASE WHEN labels ->> 'row_without' IS DISTINCT FROM 'duration_ms' THEN execledger.as_integer(duration_ms) END AS duration_ms,
    CASE WHEN has_usage THEN execledger.as_integer(total_tokens) END AS token_count,
    (CASE WHEN cost_source IS NOT NULL THEN least(cost_usd, 999999.9999) END)::numeric(10, 4) AS cost_usd,
    board_meeting_uuid AS board_meeting_id,
    owner_uuid AS executed_by,
    venture_uuid AS venture_id,
    prd_uuid AS prd_id,
    sd_key AS sd_id,
    CASE trigger_mode WHEN 'scheduled' THEN 'scheduled'::varchar(20) WHEN 'triggered' THEN 'triggered'::varchar(20)
        ELSE 'manual'::varchar(20) END AS execution_mode,
    execledger.as_integer(total_tokens) AS budget_consumed,
    execledger.as_integer(token_limit) AS budget_limit,
    killed_by_budget
FROM execledger.executions;

CREATE VIEW compat.crewai_flows WITH (security_invoker) AS
SELECT workflow_uuid AS id, count(*) AS execution_count
FROM execledger.executions
WHERE workflow_uuid IS NOT NULL
GROUP BY workflow_uuid;

CREATE VIEW compat.task_executions WITH (security_invoker) AS
SELECT
    row_uuid AS id,
    external_id AS workflow_id,
    owner_uuid AS user_id,
    tenant_uuid AS tenant_id,
    session_id,
    query,
    left(mode, 50)::varchar(50) AS mode,
    CASE status WHEN 'pending' THEN 'RUNNING'::varchar(50) WHEN 'running' THEN 'RUNNING'::varchar(50)
        WHEN 'completed' THEN 'COMPLETED'::varchar(50) WHEN 'failed' THEN 'FAILED'::varchar(50)
        WHEN 'cancelled' THEN 'CANCELLED'::varchar(50) ELSE 'FAILED'::varchar(50) END AS status,
    CASE WHEN started_at IS NULL THEN created_at ELSE started_at END AS started_at,
    ended_at AS completed_at,
    execledger.said(id, result_event_id) ->> 'result' AS result,
    execledger.as_jsonb(execledger.said(id, output_event_id) -> 'output') AS response,
    error_message,
    execledger.as_integer(total_tokens) AS total_tokens,
    execledger.as_integer(prompt_tokens) AS prompt_tokens,
    execledger.as_integer(completion_tokens) AS completion_tokens,
    least(cost_usd, 9999.999999)::numeric(10, 6) AS total_cost_usd,
    CASE WHEN labels ->> 'row_without' IS DISTINCT FROM 'duration_ms' THEN execledger.as_integer(duration_ms) END AS duration_ms,
    execledger.as_integer(agents_used) AS agents_used,
    execledger.as_integer(tools_invoked) AS tools_invoked,
    execledger.as_integer(cache_hits) AS cache_hits,
    complexity_score::numeric(3, 2) AS complexity_score,
    metadata,
    created_at
FROM execledger.executions;

-- Where an importer made a row from one of another table it is no event of its own; of one of this table the attribute
-- `row` says what the event's data does not.
CREATE VIEW compat.event_logs WITH (security_invoker) AS
SELECT
    CASE WHEN imported_from IS NULL THEN event_id
         ELSE coalesce(execledger.uuid_of(execledger.row_of(raw) ->> 'id'), event_id) END AS id,
    execution.external_id AS workflow_id,
    execution.row_uuid AS task_id,
    CASE type
        WHEN 'step.started' THEN 'step.started'::varchar(100)
        WHEN 'step.completed' THEN 'step.completed'::varchar(100)
        WHEN 'llm.called' THEN 'llm.called'::varchar(100)
        WHEN 'tool.called' THEN 'tool.called'::varchar(100)
        WHEN 'execution.started' THEN 'task.started'::varchar(100)
        WHEN 'execution.completed' THEN 'task.completed'::varchar(100)
        WHEN 'execution.progressed' THEN 'task.progressed'::varchar(100)
        ELSE log_type
    END AS type,
    left(execledger.columns_said(raw, imported_from) ->> 'agent_id', 255)::varchar(255) AS agent_id,
    execledger.columns_said(raw, imported_from) ->> 'message' AS message,
    execledger.as_jsonb(CASE WHEN json_typeof(raw -> 'data') IS NULL OR json_typeof(raw -> 'data') = 'null'
                             THEN raw -> 'data_base64' ELSE raw -> 'data' END) AS payload,
    occurred_at AS "timestamp",
    sequence AS seq,
    left(execledger.columns_said(raw, imported_from) ->> 'stream_id', 64)::varchar(64) AS stream_id,
    CASE WHEN imported_from IS NULL THEN event.recorded_at
         ELSE coalesce(execledger.time_of(execledger.row_of(raw) ->> 'created_at'), occurred_at) END AS created_at
FROM execledger.execution_events AS event
LEFT JOIN execledger.executions AS execution ON execution.id = event.execution_id
WHERE imported_from IS NULL OR imported_from = 'event_logs';

CREATE VIEW compat.token_usage WITH (security_invoker) AS
SELECT
    CASE WHEN call.row_uuid IS NULL THEN call.event_id ELSE call.row_uuid END AS id,
    execution.row_uuid AS task_id,
    execution.owner_uuid AS user_id,
    call.provider_key AS provider,
    call.model,
    left(call.agent_id, 255)::varchar(255) AS agent_id,
    execledger.as_integer(call.prompt_tokens) AS prompt_tokens,
    execledger.as_integer(call.completion_tokens) AS completion_tokens,
    CASE WHEN call.prompt_tokens IS NULL THEN execledger.as_integer(call.completion_tokens)
         WHEN call.completion_tokens IS NULL THEN execledger.as_integer(call.prompt_tokens)
         ELSE execledger.as_integer(least(call.prompt_tokens, 2147483647) + least(call.completion_tokens, 2147483647)) END
        AS total_tokens,
    (CASE WHEN call.cost_usd > 9999.999999 THEN 9999.999999 ELSE call.cost_usd END)::numeric(10, 6) AS cost_usd,
    call.occurred_at AS created_at
FROM execledger.llm_calls AS call
LEFT JOIN execledger.executions AS execution ON execution.id = call.execution_id;

CREATE VIEW compat.tool_executions WITH (security_invoker) AS
SELECT
    CASE WHEN call.row_uuid IS NULL THEN call.event_id ELSE call.row_uuid END AS id,
    execution.row_uuid AS task_id,
    left(call.tool_name, 255)::varchar(255) AS tool_name,
    left(call.agent_id, 255)::varchar(255) AS agent_id,
    call.success,
    execledger.as_integer(call.duration_ms) AS duration_ms,
    call.error AS error_message,
    execledger.as_jsonb(execledger.said(call.execution_id, call.event_id) -> 'input') AS input,
    execledger.as_jsonb(execledger.said(call.execution_id, call.event_id) -> 'output') AS output,
    call.occurred_at AS created_at
FROM execledger.tool_calls AS call
LEFT JOIN execledger.executions AS execution ON execution.id = call.execution_id;

CREATE VIEW compat.usage_daily_aggregates WITH (security_invoker) AS
SELECT
    owner.uuid AS user_id,
    usage.day AS date,
    execledger.as_integer(usage.executions) AS total_tasks,
    execledger.as_integer(usage.completed) AS successful_tasks,
    execledger.as_integer(usage.failed) AS failed_tasks,
    usage.total_tokens,
    least(usage.cost_usd, 999999.999999)::numeric(12, 6) AS total_cost_usd,
    (
        SELECT (count(*) FILTER (WHERE fact.cache_hit)::numeric / nullif(count(*), 0))::numeric(5, 4)
        FROM (
            -- Apart, for no index finds what may be null: a day of a tenant was read for each of its owners.
            SELECT id FROM execledger.executions
            WHERE tenant_id = usage.tenant_id AND usage_day = usage.day AND owner_id = usage.owner_id
            UNION ALL
            SELECT id FROM execledger.executions
            WHERE tenant_id = usage.tenant_id AND usage_day = usage.day AND owner_id IS NULL AND usage.owner_id = ''
        ) AS execution
        CROSS JOIN LATERAL (
            SELECT cache_hit FROM execledger.llm_calls WHERE execution_id = execution.id
            UNION ALL
            SELECT cache_hit FROM execledger.tool_calls WHERE execution_id = execution.id
        ) AS fact
    ) AS cache_hit_rate
FROM execledger.usage_daily AS usage
LEFT JOIN execledger.owners AS owner ON owner.tenant_id = usage.tenant_id AND owner.id = usage.owner_id;

-- Of several spellings of one uuid, and of tenants that name the same, the last one said; a reader of one tenant sees its own.
CREATE VIEW compat.users WITH (security_invoker) AS
SELECT DISTINCT ON (owner.uuid)
    owner.uuid AS id,
    left(owner.email, 255)::varchar(255) AS email,
    left(owner.name, 255)::varchar(255) AS name
FROM execledger.owners AS owner
WHERE EXISTS (SELECT FROM execledger.executions AS execution
              WHERE execution.tenant_id = owner.tenant_id AND execution.owner_id = owner.id)
ORDER BY owner.uuid, owner.occurred_at DESC, owner.event_id DESC;

CREATE VIEW compat.workflow_executions WITH (security_invoker) AS
SELECT
    row_uuid AS id,
    workflow_uuid AS workflow_id,
    owner_id,
    CASE status WHEN 'pending' THEN 'pending'::varchar(50) WHEN 'running' THEN 'running'::varchar(50)
        WHEN 'completed' THEN 'completed'::varchar(50) WHEN 'failed' THEN 'failed'::varchar(50)
        WHEN 'cancelled' THEN 'cancelled'::varchar(50) ELSE 'failed'::varchar(50) END AS execution_status,
    created_at,
    started_at,
    ended_at AS completed_at,
    CASE WHEN labels ->> 'row_without' IS DISTINCT FROM 'duration_ms' THEN execledger.as_integer(duration_ms) END AS duration_ms,
    execledger.as_jsonb(execledger.said(id, input_event_id) -> 'input') AS initial_input,
    execledger.phase_results(id) AS phase_results,
    execledger.as_jsonb(execledger.said(id, output_event_id) -> 'output') AS final_output,
    error_message,
    coalesce(progress_percent, 0) AS progress_percent,
    execledger.as_integer(completed_steps) AS completed_phases,
    execledger.as_integer(total_steps) AS total_phases,
    coalesce(tags, '[]') AS tags,
    coalesce(metadata, '{}') AS metadata
FROM execledger.executions;

CREATE VIEW compat.workflow_execution_log WITH (security_invoker) AS
SELECT
    row_id AS id,
    external_id::text AS run_id,
    coalesce(labels ->> 'workflow_function_id', workflow_id) AS workflow_function_id,
    workflow_name,
    trigger_event_id AS event_id,
    trigger_event_name AS event_name,
    execledger.said(id, input_event_id) -> 'input' AS input_payload,
    CASE status WHEN 'pending' THEN 'RUNNING' WHEN 'running' THEN 'RUNNING'
        WHEN 'completed' THEN 'COMPLETED' WHEN 'failed' THEN 'FAILED'
        WHEN 'cancelled' THEN 'CANCELED' ELSE 'TIMED_OUT' END AS status,
    CASE WHEN started_at IS NULL THEN created_at ELSE started_at END AS started_at,
    ended_at,
    CASE WHEN labels ->> 'row_without' IS DISTINCT FROM 'duration_ms' THEN execledger.as_integer(duration_ms) END AS duration_ms,
    execledger.steps_log(id) AS steps_log,
    execledger.said(id, output_event_id) -> 'output' AS output_payload,
    error_message AS error,
    execledger.said(id, error_event_id) -> 'error' ->> 'stack' AS error_stack,
    workflow_id,
    tenant_id AS organisation_id,
    workflow_version AS workflow_version_id
FROM execledger.executions;

CREATE VIEW compat.executions WITH (security_invoker) AS
SELECT
    row_uuid AS id,
    CASE status WHEN 'pending' THEN 'pending'::varchar(20) WHEN 'running' THEN 'running'::varchar(20)
        WHEN 'completed' THEN 'completed'::varchar(20) WHEN 'failed' THEN 'failed'::varchar(20)
        WHEN 'cancelled' THEN 'cancelled'::varchar(20) ELSE 'failed'::varchar(20) END AS status,
    message_id,
    graph_id,
    execledger.said(id, result_event_id) ->> 'result' AS result,
    execledger.as_jsonb(execledger.said(id, output_event_id) -> 'output') AS output,
    error_message AS error,
    error_type,
    created_at,
    started_at,
    ended_at AS completed_at,
    CASE WHEN labels ->> 'row_without' IS DISTINCT FROM 'duration_ms' THEN execledger.as_integer(duration_ms) END AS duration_ms,
    jsonb_build_object('total_tokens', total_tokens, 'prompt_tokens', prompt_tokens, 'completion_tokens', completion_tokens,
                       'cost_usd', trim_scale(cost_usd), 'agents_used', agents_used, 'tools_invoked', tools_invoked,
                       'cache_hits', cache_hits, 'total_steps', total_steps, 'completed_steps', completed_steps) AS metrics
FROM execledger.executions;

GRANT USAGE ON SCHEMA compat TO execledger_owner, execledger_tenant, execledger_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA compat TO execledger_owner, execledger_tenant, execledger_admin;
