-- The record of executions, the log it is folded from, and the account of every Kafka record.
-- Partitioned tables are split by month on the UUIDv7 execution id: all of an execution lies in one partition, and
-- the unique keys need no time column. No foreign keys and no row triggers: the recorder creates on first sight.

CREATE TABLE execledger.execution_aliases (
    tenant_id   text NOT NULL,
    external_id text NOT NULL,
    id          uuid NOT NULL UNIQUE,
    PRIMARY KEY (tenant_id, external_id)
);
CREATE INDEX execution_aliases_external_id ON execledger.execution_aliases (external_id);

CREATE TABLE execledger.executions (
    id                  uuid NOT NULL PRIMARY KEY,
    tenant_id           text NOT NULL,
    external_id         text NOT NULL,
    version             bigint NOT NULL CHECK (version > 0),
    status              text NOT NULL
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'timed_out')),
    provisional         boolean NOT NULL,
    attempt             integer NOT NULL CHECK (attempt > 0),
    owner_id            text,
    owner_email         text,
    owner_name          text,
    session_id          text,
    workflow_id         text,
    workflow_name       text,
    workflow_version    text,
    trigger_mode        text CHECK (trigger_mode IN ('manual', 'scheduled', 'triggered')),
    trigger_event_id    text,
    trigger_event_name  text,
    mode                text,
    query               text,
    created_at          timestamptz NOT NULL,
    started_at          timestamptz,
    paused_at           timestamptz,   -- while a pause is on
    waiting_for         text,
    ended_at            timestamptz,
    duration_ms         bigint CHECK (duration_ms >= 0),
    progress_percent    integer CHECK (progress_percent BETWEEN 0 AND 100),
    completed_steps     bigint NOT NULL,
    total_steps         bigint NOT NULL,
    error_message       text,
    error_type          text,
    error_event_id      uuid,          -- the event in the log that holds the whole error
    input_event_id      uuid,          -- payloads are read from the log, by the event that said them
    output_event_id     uuid,
    result_event_id     uuid,
    prompt_tokens       bigint NOT NULL,
    completion_tokens   bigint NOT NULL,
    total_tokens        bigint NOT NULL,
    cost_usd            numeric NOT NULL,
    cost_nanos          bigint NOT NULL,  -- the same in 1e-9 dollars: integers compare inside an index under row security
    cost_source         text CHECK (cost_source IN ('reported', 'facts', 'computed')),
    agents_used         bigint NOT NULL,
    tools_invoked       bigint NOT NULL,
    cache_hits          bigint NOT NULL,
    complexity_score    double precision,
    timeout_seconds     double precision,
    token_limit         bigint,
    cost_limit_usd      numeric,
    budget_scope        text CHECK (budget_scope IN ('tree', 'execution')),
    cancelled_by        text,
    cancel_reason       text,
    cancel_requested_at timestamptz,
    killed_by_budget    boolean NOT NULL,
    tags                jsonb,
    labels              jsonb,
    metadata            jsonb,
    parent_execution_id text,
    root_execution_id   text NOT NULL,
    traceparent         text,
    usage_day           date NOT NULL,  -- UTC day of the start, else of the creation
    tenant_uuid         uuid NOT NULL,
    owner_uuid          uuid,
    workflow_uuid       uuid,
    venture_id          text,
    venture_uuid        uuid,
    prd_id              text,
    prd_uuid            uuid,
    sd_id               text,
    board_meeting_id    text,
    board_meeting_uuid  uuid,
    message_id          text,
    graph_id            text,
    heard_at            timestamptz NOT NULL,  -- newest Kafka timestamp of its events
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    fold                text NOT NULL,  -- where the fold goes on; see lifecycle
    CHECK ((status IN ('completed', 'failed', 'cancelled', 'timed_out')) = (ended_at IS NOT NULL))
) PARTITION BY RANGE (id);
CREATE INDEX executions_newest ON execledger.executions (created_at DESC, id DESC);
CREATE INDEX executions_tenant_newest ON execledger.executions (tenant_id, created_at DESC, id DESC);
CREATE INDEX executions_status_newest ON execledger.executions (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX executions_workflow_newest ON execledger.executions (tenant_id, workflow_id, created_at DESC, id DESC);
CREATE INDEX executions_owner_newest ON execledger.executions (tenant_id, owner_id, created_at DESC, id DESC);
CREATE INDEX executions_usage_day ON execledger.executions (tenant_id, usage_day, owner_id);

CREATE TABLE execledger.execution_events (
    execution_id uuid NOT NULL,
    event_id     uuid NOT NULL,
    tenant_id    text NOT NULL,
    type         text NOT NULL,       -- as sent
    attempt      integer NOT NULL,
    occurred_at  timestamptz NOT NULL,
    sequence     bigint,
    rank         smallint NOT NULL,   -- breaks ties of time; see lifecycle
    received_at  timestamptz NOT NULL,  -- Kafka's clock
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    outcome      text NOT NULL CHECK (outcome IN ('applied', 'late', 'rejected')),
    reason       text,
    ignored      json,                -- [{field, rule}, ...]: left out, or read otherwise than sent; null: nothing
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    digest       bytea NOT NULL,      -- SHA-256 of raw
    raw          json NOT NULL,       -- the whole CloudEvent; json keeps it to the letter, so that it reads again as it did
    PRIMARY KEY (execution_id, event_id)
) PARTITION BY RANGE (execution_id);
CREATE INDEX execution_events_position ON execledger.execution_events (partition, "offset");

CREATE TABLE execledger.steps (
    execution_id    uuid NOT NULL,
    step_id         text NOT NULL,
    iteration       bigint,           -- null when not in a loop, which is another step than iteration 0
    iteration_key   bigint NOT NULL,  -- the same in the key, which holds no null: -1
    attempt         integer NOT NULL, -- the one that it belongs to, which may be lower than the one that was sent
    try_number      bigint NOT NULL,
    tenant_id       text NOT NULL,
    name            text,
    operation       text,
    total_items     bigint,
    agent_id        text,
    parent_id       text,
    status          text NOT NULL
        CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')),
    provisional     boolean NOT NULL,
    unexpected      boolean NOT NULL,
    first_event_at  timestamptz NOT NULL,
    started_at      timestamptz,
    ended_at        timestamptz,
    duration_ms     bigint CHECK (duration_ms >= 0),
    error_message   text,
    error_type      text,
    error_event_id  uuid,
    input_event_id  uuid,
    output_event_id uuid,
    metadata        jsonb,
    fold            text NOT NULL,
    PRIMARY KEY (execution_id, step_id, iteration_key, attempt, try_number)
) PARTITION BY RANGE (execution_id);

CREATE TABLE execledger.llm_calls (
    execution_id        uuid NOT NULL,
    event_id            uuid NOT NULL,
    tenant_id           text NOT NULL,
    occurred_at         timestamptz NOT NULL,
    attempt             integer NOT NULL,
    provider            text,
    model               text,
    prompt_tokens       bigint,
    completion_tokens   bigint,
    cached_tokens       bigint,
    cache_write_tokens  bigint,
    reasoning_tokens    bigint,
    input_audio_tokens  bigint,
    output_audio_tokens bigint,
    cost_usd            numeric,
    cost_source         text CHECK (cost_source IN ('reported', 'computed')),
    price_version       text,
    duration_ms         bigint,
    error               text,
    agent_id            text,
    step_id             text,
    cache_hit           boolean,
    PRIMARY KEY (execution_id, event_id)
) PARTITION BY RANGE (execution_id);

CREATE TABLE execledger.tool_calls (
    execution_id uuid NOT NULL,
    event_id     uuid NOT NULL,
    tenant_id    text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    attempt      integer NOT NULL,
    tool_name    text,
    success      boolean,
    duration_ms  bigint,
    error        text,
    agent_id     text,
    step_id      text,
    cache_hit    boolean,
    PRIMARY KEY (execution_id, event_id)
) PARTITION BY RANGE (execution_id);

CREATE TABLE execledger.execution_labels (
    execution_id uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('label', 'tag')),
    key          text NOT NULL,  -- the label's key; empty for a tag
    value        text NOT NULL,
    tenant_id    text NOT NULL,
    PRIMARY KEY (execution_id, kind, key, value)
);
-- Without the tenant: with it, three texts of 255 characters would not fit into an index row.
CREATE INDEX execution_labels_value ON execledger.execution_labels (key, value, execution_id);

CREATE TABLE execledger.workflows (
    tenant_id   text NOT NULL,
    id          text NOT NULL,
    name        text,
    version     text,
    occurred_at timestamptz NOT NULL,  -- of the event that said so: the greatest time and event id win
    event_id    uuid NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE execledger.owners (
    tenant_id   text NOT NULL,
    id          text NOT NULL,
    email       text,
    name        text,
    occurred_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE execledger.usage_daily (
    tenant_id         text NOT NULL,
    owner_id          text NOT NULL,  -- empty when nobody is named
    day               date NOT NULL,
    executions        bigint NOT NULL,
    completed         bigint NOT NULL,
    failed            bigint NOT NULL,  -- failed and timed out
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    total_tokens      bigint NOT NULL,
    cost_usd          numeric NOT NULL,
    PRIMARY KEY (tenant_id, owner_id, day)
);

-- Days of usage that a batch touched; a background task takes them and computes those days anew.
CREATE TABLE execledger.usage_marks (
    tenant_id text NOT NULL,
    owner_id  text NOT NULL,
    day       date NOT NULL
);

CREATE TABLE execledger.duplicates (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    execution_id uuid NOT NULL,
    event_id     uuid NOT NULL,
    reason       text NOT NULL CHECK (reason IN ('repeated', 'conflict')),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);

CREATE TABLE execledger.dead_letters (
    id          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    "timestamp" timestamptz NOT NULL,
    key         bytea,
    headers     jsonb NOT NULL,  -- [[name, value in base64 or null], ...]
    value       bytea,
    reason      text NOT NULL CHECK (reason IN ('tombstone', 'not_utf8', 'not_json', 'not_cloudevent', 'invalid',
                                                'unsupported_version', 'too_large', 'unstorable')),
    detail      text NOT NULL,
    fingerprint text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    PRIMARY KEY (topic, partition, "offset")
);
CREATE INDEX dead_letters_fingerprint ON execledger.dead_letters (fingerprint, id);

CREATE TABLE execledger.ledger (
    topic         text NOT NULL,
    partition     integer NOT NULL,
    first_offset  bigint NOT NULL,
    next_offset   bigint NOT NULL,
    gaps          bigint NOT NULL DEFAULT 0,
    missed        bigint NOT NULL DEFAULT 0,
    applied       bigint NOT NULL DEFAULT 0,
    late          bigint NOT NULL DEFAULT 0,
    duplicate     bigint NOT NULL DEFAULT 0,
    rejected      bigint NOT NULL DEFAULT 0,
    dead_lettered bigint NOT NULL DEFAULT 0,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition),
    CHECK (next_offset >= first_offset)
);

-- How far Kafka was ahead of the ledger when a recorder last looked; apart, so that looking waits for no batch.
CREATE TABLE execledger.ledger_ends (
    topic                text NOT NULL,
    partition            integer NOT NULL,
    end_offset           bigint NOT NULL,
    oldest_unrecorded_at timestamptz,  -- Kafka timestamp; null when nothing was waiting
    observed_at          timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);

CREATE TABLE execledger.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text NOT NULL,
    key        bytea,
    value      bytea,
    headers    jsonb NOT NULL,  -- as in dead_letters
    created_at timestamptz NOT NULL DEFAULT now()
);
