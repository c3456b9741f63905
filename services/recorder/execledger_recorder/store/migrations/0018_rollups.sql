-- Roll-ups: what executions, their steps and their calls come to, by the hour, day and month of UTC in which the execution
-- started. Batches mark the hours that they touched; a task computes those anew from the rows, so that a roll-up is the
-- same in whatever order events came. Days are sums of hours, months of days, each once what it is the sum of is at rest.
-- Names and columns are those of execledger_lifecycle.rollups; a test compares.

-- When an execution started, else was made. In this form row-level security lets an index serve it.
CREATE FUNCTION execledger.start_of(started_at timestamptz, created_at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN started_at IS NULL THEN created_at ELSE started_at END;

-- Which of eight parts of an octave a duration lies in; 0: no time at all.
CREATE FUNCTION execledger.duration_bucket(ms bigint) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ms <= 0 THEN 0 ELSE 1 + floor(8 * ln(ms) / ln(2::float8)) END::smallint;

CREATE FUNCTION execledger.complexity_band(score double precision) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN score < 0.2 THEN '0.0-0.2' WHEN score < 0.4 THEN '0.2-0.4' WHEN score < 0.6 THEN '0.4-0.6'
                WHEN score < 0.8 THEN '0.6-0.8' WHEN score IS NOT NULL THEN '0.8-1.0' END;

CREATE INDEX executions_start ON execledger.executions
    (tenant_id, (CASE WHEN started_at IS NULL THEN created_at ELSE started_at END));

-- What is counted: rows with everything of their execution, by which they can be chosen.
CREATE VIEW execledger.measured_executions WITH (security_invoker) AS
SELECT execution.*, execledger.start_of(started_at, created_at) AS start_at,
       execledger.complexity_band(complexity_score) AS complexity,
       1 AS executions, CASE WHEN ended_at IS NOT NULL THEN duration_ms END AS lasted_ms, killed_by_budget::integer AS killed,
       CASE WHEN ended_at IS NOT NULL THEN execledger.duration_bucket(duration_ms) END AS duration_bucket
FROM execledger.executions AS execution;

CREATE VIEW execledger.measured_steps WITH (security_invoker) AS
SELECT execution.*, execledger.start_of(execution.started_at, execution.created_at) AS start_at,
       CASE WHEN step.name IS NULL THEN step.step_id ELSE step.name END AS step_name, step.operation, step.agent_id,
       step.status AS step_status, 1 AS steps, step.duration_ms AS lasted_ms,
       execledger.duration_bucket(step.duration_ms) AS duration_bucket
FROM execledger.executions AS execution
JOIN execledger.steps AS step ON step.execution_id = execution.id;

CREATE VIEW execledger.measured_llm_calls WITH (security_invoker) AS
SELECT execution.*, execledger.start_of(execution.started_at, execution.created_at) AS start_at,
       call.provider, call.model, call.agent_id, 1 AS calls, (call.error IS NOT NULL)::integer AS failures,
       (call.cache_hit IS TRUE)::integer AS hits, call.prompt_tokens AS call_prompt_tokens,
       call.completion_tokens AS call_completion_tokens, call.cost_usd AS call_cost_usd, call.duration_ms AS lasted_ms,
       execledger.duration_bucket(call.duration_ms) AS duration_bucket
FROM execledger.executions AS execution
JOIN execledger.llm_calls AS call ON call.execution_id = execution.id;

CREATE VIEW execledger.measured_tool_calls WITH (security_invoker) AS
SELECT execution.*, execledger.start_of(execution.started_at, execution.created_at) AS start_at,
       call.tool_name, call.agent_id, 1 AS calls, (call.success IS TRUE)::integer AS successes,
       (call.success IS FALSE)::integer AS failures, (call.cache_hit IS TRUE)::integer AS hits,
       call.duration_ms AS lasted_ms, execledger.duration_bucket(call.duration_ms) AS duration_bucket
FROM execledger.executions AS execution
JOIN execledger.tool_calls AS call ON call.execution_id = execution.id;

GRANT SELECT ON execledger.measured_executions, execledger.measured_steps, execledger.measured_llm_calls,
                execledger.measured_tool_calls
    TO execledger_recorder, execledger_owner, execledger_tenant, execledger_admin;

-- A histogram is two arrays: buckets, and how many lie in each. Sums have no largest value.
CREATE TABLE execledger.rolled_executions (
    tenant_id         text NOT NULL,
    span              text NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    start_at          timestamptz NOT NULL,
    workflow_id       text,
    workflow_version  text,
    mode              text,
    complexity        text,
    status            text NOT NULL,
    executions        bigint NOT NULL,
    killed            bigint NOT NULL,
    prompt_tokens     numeric NOT NULL,
    completion_tokens numeric NOT NULL,
    total_tokens      numeric NOT NULL,
    cost_usd          numeric NOT NULL,
    tools_invoked     numeric NOT NULL,
    cache_hits        numeric NOT NULL,
    lasted_ms         numeric NOT NULL,
    buckets           smallint[] NOT NULL,
    counts            bigint[] NOT NULL
);

CREATE TABLE execledger.rolled_steps (
    tenant_id        text NOT NULL,
    span             text NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    start_at         timestamptz NOT NULL,
    workflow_id      text,
    workflow_version text,
    step_name        text,
    operation        text,
    agent_id         text,
    step_status      text NOT NULL,
    steps            bigint NOT NULL,
    lasted_ms        numeric NOT NULL,
    buckets          smallint[] NOT NULL,
    counts           bigint[] NOT NULL
);

CREATE TABLE execledger.rolled_llm_calls (
    tenant_id              text NOT NULL,
    span                   text NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    start_at               timestamptz NOT NULL,
    workflow_id            text,
    provider               text,
    model                  text,
    agent_id               text,
    calls                  bigint NOT NULL,
    failures               bigint NOT NULL,
    hits                   bigint NOT NULL,
    call_prompt_tokens     numeric NOT NULL,
    call_completion_tokens numeric NOT NULL,
    call_cost_usd          numeric NOT NULL,
    lasted_ms              numeric NOT NULL,
    buckets                smallint[] NOT NULL,
    counts                 bigint[] NOT NULL
);

CREATE TABLE execledger.rolled_tool_calls (
    tenant_id   text NOT NULL,
    span        text NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    start_at    timestamptz NOT NULL,
    workflow_id text,
    tool_name   text,
    agent_id    text,
    calls       bigint NOT NULL,
    successes   bigint NOT NULL,
    failures    bigint NOT NULL,
    hits        bigint NOT NULL,
    lasted_ms   numeric NOT NULL,
    buckets     smallint[] NOT NULL,
    counts      bigint[] NOT NULL
);

-- Of events their own time counts. The log only grows, so batches say what they add, and that is summed.
CREATE TABLE execledger.rolled_events (
    tenant_id text NOT NULL,
    span      text NOT NULL CHECK (span IN ('hour', 'day', 'month')),
    start_at  timestamptz NOT NULL,
    type      text NOT NULL,  -- as sent
    events    bigint NOT NULL,
    PRIMARY KEY (tenant_id, span, start_at, type)
);

CREATE INDEX rolled_executions_start ON execledger.rolled_executions (tenant_id, span, start_at);
CREATE INDEX rolled_steps_start ON execledger.rolled_steps (tenant_id, span, start_at);
CREATE INDEX rolled_llm_calls_start ON execledger.rolled_llm_calls (tenant_id, span, start_at);
CREATE INDEX rolled_tool_calls_start ON execledger.rolled_tool_calls (tenant_id, span, start_at);

-- Sums of a tenant show nothing of which owner: an owner's are computed from its own rows when it asks.
SELECT execledger.add_derived_table(name, owner_sees => 'false')
FROM unnest(ARRAY['rolled_executions', 'rolled_steps', 'rolled_llm_calls', 'rolled_tool_calls', 'rolled_events']) AS name;

-- What is to be summed anew. A reader takes the hours of a day that is marked, and the days of a month that is.
CREATE TABLE execledger.rollup_marks (
    tenant_id text NOT NULL,
    span      text NOT NULL,
    start_at  timestamptz NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rollup_marks_start ON execledger.rollup_marks (span, tenant_id, start_at);
SELECT execledger.add_derived_table('rollup_marks', owner_sees => 'false');

CREATE TABLE execledger.counted_events (
    tenant_id text NOT NULL,
    start_at  timestamptz NOT NULL,
    type      text NOT NULL,
    events    bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON execledger.counted_events TO execledger_recorder;

-- What was recorded before there were roll-ups.
INSERT INTO execledger.rollup_marks (tenant_id, span, start_at)
SELECT DISTINCT tenant_id, 'hour', date_trunc('hour', execledger.start_of(started_at, created_at), 'UTC')
FROM execledger.executions;
INSERT INTO execledger.counted_events (tenant_id, start_at, type, events)
SELECT tenant_id, date_trunc('hour', occurred_at, 'UTC'), type, count(*)
FROM execledger.execution_events
GROUP BY 1, 2, 3;
