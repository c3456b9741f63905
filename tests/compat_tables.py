"""The columns of the tables that teams query already: name, type, and what limits it, in their order."""

import re
from typing import Final

_TABLES: Final = {
    "crewai_flow_executions": """
        id uuid, flow_id uuid, execution_key varchar(100), input_state jsonb, output_state jsonb, metadata jsonb,
        status varchar(20), error_message text, error_stack text, error_type varchar(100), started_at timestamptz,
        completed_at timestamptz, duration_ms integer, token_count integer, cost_usd numeric(10,4),
        board_meeting_id uuid, executed_by uuid, venture_id uuid, prd_id uuid, sd_id varchar(50),
        execution_mode varchar(20), budget_consumed integer, budget_limit integer, killed_by_budget boolean
    """,
    "crewai_flows": "id uuid, execution_count bigint",
    "task_executions": """
        id uuid, workflow_id varchar(255), user_id uuid, tenant_id uuid, session_id varchar(255), query text,
        mode varchar(50), status varchar(50), started_at timestamptz, completed_at timestamptz, result text,
        response jsonb, error_message text, total_tokens integer, prompt_tokens integer, completion_tokens integer,
        total_cost_usd numeric(10,6), duration_ms integer, agents_used integer, tools_invoked integer,
        cache_hits integer, complexity_score numeric(3,2), metadata jsonb, created_at timestamptz
    """,
    "event_logs": """
        id uuid, workflow_id varchar(255), task_id uuid, type varchar(100), agent_id varchar(255), message text,
        payload jsonb, timestamp timestamptz, seq bigint, stream_id varchar(64), created_at timestamptz
    """,
    "token_usage": """
        id uuid, task_id uuid, user_id uuid, provider varchar(50), model varchar(255), agent_id varchar(255),
        prompt_tokens integer, completion_tokens integer, total_tokens integer, cost_usd numeric(10,6),
        created_at timestamptz
    """,
    "tool_executions": """
        id uuid, task_id uuid, tool_name varchar(255), agent_id varchar(255), success boolean, duration_ms integer,
        error_message text, input jsonb, output jsonb, created_at timestamptz
    """,
    "usage_daily_aggregates": """
        user_id uuid, date date, total_tasks integer, successful_tasks integer, failed_tasks integer,
        total_tokens bigint, total_cost_usd numeric(12,6), cache_hit_rate numeric(5,4)
    """,
    "users": "id uuid, email varchar(255), name varchar(255)",
    "workflow_executions": """
        id uuid, workflow_id uuid, owner_id varchar(255), execution_status varchar(50), created_at timestamptz,
        started_at timestamptz, completed_at timestamptz, duration_ms integer, initial_input jsonb,
        phase_results jsonb, final_output jsonb, error_message text, progress_percent integer,
        completed_phases integer, total_phases integer, tags jsonb, metadata jsonb
    """,
    "workflow_execution_log": """
        id text, run_id text, workflow_function_id text, workflow_name text, event_id text, event_name text,
        input_payload json, status text, started_at timestamptz, ended_at timestamptz, duration_ms integer,
        steps_log json, output_payload json, error text, error_stack text, workflow_id text, organisation_id text,
        workflow_version_id text
    """,
    "executions": """
        id uuid, status varchar(20), message_id text, graph_id text, result text, output jsonb, error text,
        error_type text, created_at timestamptz, started_at timestamptz, completed_at timestamptz,
        duration_ms integer, metrics jsonb
    """,
}
_SPELLED: Final = {"timestamptz": "timestamp with time zone", "varchar": "character varying"}
_COLUMN: Final = re.compile(r"(\w+) (\w+)((?:\([\d,]+\))?)")


def columns() -> dict[str, list[tuple[str, str]]]:
    """Of each table, as Postgres spells types."""
    return {
        table: [(name, _SPELLED.get(type_, type_) + limit) for name, type_, limit in _COLUMN.findall(said)]
        for table, said in _TABLES.items()
    }
