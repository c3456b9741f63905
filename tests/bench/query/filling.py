"""A record of many executions, made by Postgres alone: as a recorder would have written them over a year."""

from collections.abc import Callable
from typing import Final

import asyncpg

AT_ONCE: Final = 50_000
TENANT: Final = "acme"
"""Whose nine in ten executions are."""
DAYS: Final = 360

# Number n of those that there are, the first one a year ago. Chance that repeats: the digits of a hash.
_NUMBERED = """
CREATE FUNCTION pg_temp.share(n bigint, what text) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashtextextended(what || n, 0) & 1048575) / 1048576.0;
CREATE FUNCTION pg_temp.id_of(n bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
    left(execledger.uuid_floor(at)::text, 13) || '-7' || substr(md5(n::text), 1, 3) || '-8'
    || substr(md5(n::text), 4, 3) || '-' || substr(md5(n::text), 7, 12))::uuid;
"""
_NUMBERS = """
CREATE TEMPORARY TABLE numbers AS
SELECT n, pg_temp.id_of(n, at) AS id, at, tenant_id, status, parent,
       CASE WHEN status = 'running' THEN NULL ELSE duration END AS duration_ms,
       CASE WHEN status IN ('failed', 'timed_out') THEN md5('error' || n)::uuid END AS error_event_id
FROM (
    SELECT n, at, 'run-' || n AS external_id,
           CASE WHEN n % 10 = 9 THEN 'tenant-' || n % 50 ELSE 'acme' END AS tenant_id,
           CASE WHEN n > $3 - 200 AND chance < 0.5 THEN 'running' WHEN chance < 0.0002 THEN 'running'
                WHEN chance < 0.06 THEN 'failed' WHEN chance < 0.08 THEN 'cancelled' WHEN chance < 0.09 THEN 'timed_out'
                ELSE 'completed' END AS status,
           CASE WHEN n % 10 IN (1, 2) THEN n - n % 10 END AS parent,
           floor(200 * exp(8 * pg_temp.share(n, 'duration')))::bigint AS duration
    FROM (
        SELECT n, pg_temp.share(n, 'status') AS chance,
               $4::timestamptz - interval '360 days' * (1 - n / $3::float8) AS at
        FROM generate_series($1::bigint, $2::bigint) AS n
    ) AS numbered
) AS told
"""
_TABLES = (
    """
    INSERT INTO execledger.executions (
        id, tenant_id, external_id, version, status, provisional, attempt, owner_id, owner_email, owner_name,
        session_id, workflow_id, workflow_name, workflow_version, trigger_mode, mode, query, created_at, started_at,
        ended_at,
        duration_ms, progress_percent, completed_steps, total_steps, error_message, error_type, error_event_id,
        input_event_id, output_event_id, prompt_tokens, completion_tokens, total_tokens, cost_usd, cost_nanos,
        cost_source, agents_used, tools_invoked, cache_hits, complexity_score, token_limit, cost_limit_usd,
        budget_scope, killed_by_budget, tags, labels, metadata, parent_execution_id, root_execution_id, traceparent,
        usage_day,
        tenant_uuid, owner_uuid, workflow_uuid, venture_id, heard_at, fold)
    SELECT
        id, tenant_id, 'run-' || n, 6, status, false, 1, 'user-' || n % 500, 'user-' || n % 500 || '@example.org',
        'User ' || n % 500, 'session-' || n / 10,
        CASE WHEN n % 1000 = 7 THEN 'workflow-rare' ELSE 'workflow-' || n % 20 END, 'Research a question',
        (n % 3)::text, (ARRAY['manual', 'scheduled', 'triggered'])[n % 3 + 1], 'STANDARD',
        'what became of ' || left(md5(n::text), 8) || CASE WHEN n % 1000 = 11 THEN ' albatross' ELSE '' END, at,
        at + interval '120 ms', CASE WHEN duration_ms IS NOT NULL THEN at + duration_ms * interval '1 ms' END,
        duration_ms, 100, 3, 3,
        CASE WHEN error_event_id IS NOT NULL THEN 'the provider refused request ' || n END,
        CASE WHEN error_event_id IS NOT NULL THEN
            CASE WHEN n % 100 = 4 THEN 'RareError' ELSE 'ProviderError' END END, error_event_id,
        md5('input' || n)::uuid, CASE WHEN status = 'completed' THEN md5('output' || n)::uuid END, 3702, 666, 4368,
        cost::numeric / 1000000000, cost, 'facts', 2, 1, 0, pg_temp.share(n, 'complexity'), 1000000000000, 1000000,
        'tree', n % 5000 = 13, to_jsonb(ARRAY['research', 'nightly'] || CASE WHEN n % 1000 = 3 THEN ARRAY['rare'] END),
        jsonb_build_object('venture_id', 'venture-' || n % 9), '{"region": "eu", "retries": 1}',
        'run-' || parent, 'run-' || coalesce(parent, n), '00-' || md5(n::text) || '-00f067aa0ba902b7-01', at::date,
        md5(tenant_id)::uuid, md5('user-' || n % 500)::uuid, md5('workflow-' || n % 20)::uuid, 'venture-' || n % 9, at,
        repeat(md5(n::text), 12)
    FROM (SELECT *, floor(20000000 * exp(5 * pg_temp.share(n, 'cost')))::bigint AS cost FROM numbers) AS number
    """,
    "INSERT INTO execledger.execution_aliases SELECT tenant_id, 'run-' || n, id FROM numbers",
    """
    INSERT INTO execledger.execution_labels (execution_id, kind, key, value, tenant_id)
    SELECT id, 'tag', '', tag, tenant_id FROM numbers, unnest(ARRAY['research', 'nightly']) AS tag
    UNION ALL SELECT id, 'tag', '', 'rare', tenant_id FROM numbers WHERE n % 1000 = 3
    UNION ALL SELECT id, 'label', 'venture_id', 'venture-' || n % 9, tenant_id FROM numbers
    """,
    """
    INSERT INTO execledger.steps (
        execution_id, step_id, iteration_key, attempt, try_number, tenant_id, name, operation, agent_id, status,
        provisional, unexpected, first_event_at, started_at, ended_at, duration_ms, fold)
    SELECT id, 'step-' || step, -1, 1, 1, tenant_id, 'Step ' || step, 'llm', 'agent-' || n % 7, 'completed', false,
           false, at + step * interval '1 s', at + step * interval '1 s', at + (step + 0.9) * interval '1 s', 900,
           repeat(md5(n::text), 6)
    FROM numbers, generate_series(1, 3) AS step
    """,
    """
    INSERT INTO execledger.llm_calls (
        execution_id, event_id, tenant_id, occurred_at, attempt, provider, model, prompt_tokens, completion_tokens,
        cached_tokens, cost_usd, cost_source, duration_ms, agent_id, step_id, cache_hit)
    SELECT id, md5('llm' || n)::uuid, tenant_id, at + interval '1.1 s', 1, 'openai', 'gpt-5', 3702, 666, 100, 0.037,
           'reported', 800, 'agent-' || n % 7, 'step-1', false
    FROM numbers
    """,
    """
    INSERT INTO execledger.tool_calls (
        execution_id, event_id, tenant_id, occurred_at, attempt, tool_name, success, duration_ms, agent_id, step_id,
        cache_hit)
    SELECT id, md5('tool' || n)::uuid, tenant_id, at + interval '2.1 s', 1, 'search', true, 300, 'agent-' || n % 7,
           'step-2', false
    FROM numbers
    """,
    """
    INSERT INTO execledger.execution_events (
        execution_id, event_id, tenant_id, type, attempt, occurred_at, sequence, rank, received_at, outcome, topic,
        partition, "offset", digest, raw)
    SELECT id, event_id, tenant_id, type, 1, happened_at, place, rank, happened_at, 'applied', 'executions.events',
           n % 4, n * 7 + place, sha256(event_id::text::bytea),
           json_build_object('specversion', '1.0', 'id', event_id, 'source', 'urn:orchestrator:agents/eu-1',
                             'type', type, 'subject', 'run-' || n, 'time', happened_at, 'tenantid', tenant_id,
                             'sequence', place,
                             'attempt', 1, 'data', data)
    FROM numbers, LATERAL (VALUES
        (0, 'input', 'execution.started', 1, 0.12, json_build_object(
            'workflow', json_build_object('id', 'workflow-' || n % 20),
            'owner', json_build_object('id', 'user-' || n % 500), 'query', 'what became of ' || md5(n::text),
            'input', json_build_object('prompt', repeat(md5(n::text), 3)))),
        (1, 'step', 'step.started', 10, 1.0, json_build_object('step', json_build_object('id', 'step-1'))),
        (2, 'llm', 'llm.called', 20, 1.1, json_build_object(
            'model', 'gpt-5', 'prompt_tokens', 3702, 'cost_usd', '0.037')),
        (3, 'tool', 'tool.called', 20, 2.1, json_build_object('tool_name', 'search', 'success', true)),
        (4, 'ended', 'step.completed', 11, 2.5, json_build_object('step', json_build_object('id', 'step-1'))),
        (5, CASE WHEN error_event_id IS NULL THEN 'output' ELSE 'error' END,
            'execution.' || CASE status WHEN 'running' THEN 'progressed' ELSE status END, 30, 5.0,
            CASE WHEN error_event_id IS NULL THEN json_build_object('output', json_build_object('answer', md5(n::text)))
                 ELSE json_build_object('error', json_build_object(
                     'message', 'the provider refused request ' || n, 'type', 'ProviderError',
                     'stack', repeat('at call ' || md5(n::text), 9))) END)
    ) AS event (place, word, type, rank, seconds, data),
    LATERAL (SELECT md5(word || n)::uuid AS event_id, at + seconds * interval '1 s' AS happened_at) AS identified
    """,
)
_WHOLE_MONTHS = """
SELECT execledger.ensure_partition(month)
FROM generate_series(date_trunc('month', $1::timestamptz - interval '361 days'), $1, interval '1 month') AS month
"""
_TREES = """
INSERT INTO execledger.trees (
    tenant_id, root_execution_id, executions, open, failed, total_tokens, cost_usd, is_settled)
SELECT tenant_id, root_execution_id, count(*), count(*) FILTER (WHERE execledger.is_open(status)),
       count(*) FILTER (WHERE execledger.has_failed(status)), sum(total_tokens), sum(cost_usd), true
FROM execledger.executions GROUP BY tenant_id, root_execution_id HAVING count(*) > 1
"""


async def fill(connection: asyncpg.Connection, executions: int, say: Callable[[str], None]) -> None:
    """Executions with their steps, calls and events, spread over the months of the last year."""
    until = await connection.fetchval("SELECT date_trunc('milliseconds', now())")
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(_NUMBERED)
    await connection.fetch(_WHOLE_MONTHS, until)
    for first in range(1, executions + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, executions)
        await connection.fetch(_NUMBERS, first, last, executions, until)
        for table in _TABLES:
            await connection.execute(table)
        await connection.execute("DROP TABLE numbers")
        say(f"{last:,} executions ...")
    await connection.execute(_TREES)
    await connection.execute("VACUUM (ANALYZE)")
