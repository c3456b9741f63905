"""The records that a fold gives: what the tables hold and people see."""

from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Final, NamedTuple

from execledger_lifecycle import derived
from execledger_lifecycle.columns import Column, columns_of, reader_of
from execledger_lifecycle.state import ExecutionFold, StepFold


class ExecutionRecord(NamedTuple):
    """The columns of `executions` that the fold decides."""

    version: Annotated[int, Column("bigint", make=attrgetter("execution.version"))]
    status: Annotated[str, Column("text", make=attrgetter("status"))]
    provisional: Annotated[bool, Column("boolean", make=attrgetter("attempt.provisional"))]
    attempt: Annotated[int, Column("integer", make=attrgetter("number"))]
    created_at: Annotated[datetime, Column("timestamptz", make=derived.created_at)]
    started_at: Annotated[datetime | None, Column("timestamptz", make=derived.started_at)]
    cancel_requested_at: Annotated[datetime | None, Column("timestamptz", make=derived.cancel_requested_at)]
    paused_at: Annotated[datetime | None, Column("timestamptz", "attempt.paused_at", make=attrgetter("paused_at"))]
    waiting_for: Annotated[str | None, Column("text", "attempt.waiting_for", make=attrgetter("waiting_for"))]
    ended_at: Annotated[datetime | None, Column("timestamptz", "attempt.ended_at", make=derived.ended_at)]
    duration_ms: Annotated[int | None, Column("bigint", "attempt.duration_ms", make=derived.duration_ms)]
    error_message: Annotated[str | None, Column("text", "attempt.error", part=1, shown="error")]
    error_type: Annotated[str | None, Column("text", "attempt.error", part=2, shown="error")]
    error_event_id: Annotated[str | None, Column("uuid", "attempt.error", part=0, shown="error")]
    has_stack: Annotated[bool, Column("boolean", make=attrgetter("attempt.has_stack"))]
    output_event_id: Annotated[str | None, Column("uuid", "attempt.output_event", shown="output")]
    result_event_id: Annotated[str | None, Column("uuid", "attempt.result_event", shown="result")]
    cancel_reason: Annotated[str | None, Column("text", "attempt.cancel_reason")]
    cancelled_by: Annotated[str | None, Column("text", "attempt.cancelled_by")]
    completed_steps: Annotated[int, Column("bigint", "attempt.completed_steps", make=attrgetter("completed_steps"))]
    total_steps: Annotated[int, Column("bigint", "attempt.total_steps", make=attrgetter("total_steps"))]
    agents_used: Annotated[int, Column("bigint", "attempt.agents_used", make=derived.agents_used)]
    progress_percent: Annotated[int | None, Column("integer", make=derived.progress_percent)]
    killed_by_budget: Annotated[bool, Column("boolean", make=derived.killed_by_budget)]
    input_event_id: Annotated[str | None, Column("uuid", "execution.input_event", shown="input")]
    owner_id: Annotated[str | None, Column("text", "execution.owner", part=0, shown="owner")]
    owner_email: Annotated[str | None, Column("text", "execution.owner", part=1, shown="owner")]
    owner_name: Annotated[str | None, Column("text", "execution.owner", part=2, shown="owner")]
    session_id: Annotated[str | None, Column("text", "execution.session_id")]
    workflow_id: Annotated[str | None, Column("text", "execution.workflow", part=0, shown="workflow")]
    workflow_name: Annotated[str | None, Column("text", "execution.workflow", part=1, shown="workflow")]
    workflow_version: Annotated[str | None, Column("text", "execution.workflow", part=2, shown="workflow")]
    trigger_mode: Annotated[str | None, Column("text", "execution.trigger", part=0, shown="trigger")]
    trigger_event_id: Annotated[str | None, Column("text", "execution.trigger", part=1, shown="trigger")]
    trigger_event_name: Annotated[str | None, Column("text", "execution.trigger", part=2, shown="trigger")]
    mode: Annotated[str | None, Column("text", "execution.mode")]
    query: Annotated[str | None, Column("text", "execution.query")]
    complexity_score: Annotated[float | None, Column("double precision", "execution.complexity_score")]
    timeout_seconds: Annotated[float | None, Column("double precision", "execution.timeout_seconds")]
    token_limit: Annotated[int | None, Column("bigint", "execution.budget", make=derived.token_limit, shown="budget")]
    cost_limit_usd: Annotated[
        Decimal | None, Column("numeric", "execution.budget", make=derived.cost_limit_usd, shown="budget")
    ]
    budget_scope: Annotated[str | None, Column("text", "execution.budget", make=derived.budget_scope, shown="budget")]
    tags: Annotated[str | None, Column("jsonb", "execution.tags", make=derived.tags)]
    parent_execution_id: Annotated[str | None, Column("text", "execution.parent_execution_id")]
    root_execution_id: Annotated[str, Column("text", "execution.root_execution_id", make=derived.root_execution_id)]
    traceparent: Annotated[str | None, Column("text", "execution.traceparent")]
    labels: Annotated[str | None, Column("jsonb", make=derived.labels)]
    metadata: Annotated[str | None, Column("jsonb", make=derived.metadata)]
    capped: Annotated[str | None, Column("jsonb", make=derived.capped)]
    prompt_tokens: Annotated[int, Column("bigint", "sums.prompt_tokens", shown="usage.prompt_tokens")]
    completion_tokens: Annotated[int, Column("bigint", "sums.completion_tokens", shown="usage.completion_tokens")]
    total_tokens: Annotated[int, Column("bigint", "sums.total_tokens", shown="usage.total_tokens")]
    cost_usd: Annotated[Decimal, Column("numeric", make=derived.cost_usd)]
    cost_nanos: Annotated[
        int, Column("bigint", "sums.cost_nanos", make=derived.cost_nanos, shown="usage.cost_usd", is_internal=True)
    ]
    has_usage: Annotated[bool, Column("boolean", make=derived.has_usage, is_internal=True)]
    cost_source: Annotated[derived.CostSource | None, Column("text", make=attrgetter("sums.cost_source"))]
    tools_invoked: Annotated[int, Column("bigint", "sums.tools_invoked")]
    cache_hits: Annotated[int, Column("bigint", "sums.cache_hits")]
    usage_day: Annotated[date, Column("date", make=derived.usage_day, is_internal=True)]
    fold: Annotated[str, Column("text", make=derived.execution_fold, is_internal=True)]


class StepRecord(NamedTuple):
    """The columns of `steps`."""

    step_id: Annotated[str, Column("text", "step.step_id")]
    iteration: Annotated[int | None, Column("bigint", "step.iteration")]
    iteration_key: Annotated[int, Column("bigint", make=attrgetter("iteration_key"), is_internal=True)]
    attempt: Annotated[int, Column("integer", "step.attempt")]
    try_number: Annotated[int, Column("bigint", "step.try_number")]
    name: Annotated[str | None, Column("text", "step.name")]
    operation: Annotated[str | None, Column("text", "step.operation")]
    total_items: Annotated[int | None, Column("bigint", "step.total_items")]
    agent_id: Annotated[str | None, Column("text", "step.agent_id")]
    parent_id: Annotated[str | None, Column("text", "step.parent_id")]
    status: Annotated[str, Column("text", make=derived.step_status)]
    provisional: Annotated[bool, Column("boolean", make=derived.step_is_provisional)]
    unexpected: Annotated[bool, Column("boolean", "step.unexpected")]
    first_event_at: Annotated[datetime, Column("timestamptz", make=derived.step_first_event_at)]
    started_at: Annotated[datetime | None, Column("timestamptz", make=derived.started_at)]
    ended_at: Annotated[datetime | None, Column("timestamptz", make=derived.step_ended_at)]
    duration_ms: Annotated[int | None, Column("bigint", make=derived.step_duration_ms)]
    error_message: Annotated[str | None, Column("text", "step.error", part=1)]
    error_type: Annotated[str | None, Column("text", "step.error", part=2)]
    error_event_id: Annotated[str | None, Column("uuid", "step.error", part=0)]
    input_event_id: Annotated[str | None, Column("uuid", "step.input_event")]
    output_event_id: Annotated[str | None, Column("uuid", "step.output_event")]
    metadata: Annotated[str | None, Column("jsonb", make=derived.step_metadata)]
    fold: Annotated[str, Column("text", make=derived.step_fold, is_internal=True)]


EXECUTION_COLUMNS: Final = columns_of(ExecutionRecord)
STEP_COLUMNS: Final = columns_of(StepRecord)

_execution_values = reader_of(EXECUTION_COLUMNS)
_step_values = reader_of(STEP_COLUMNS)


def execution_record(execution: ExecutionFold, external_id: str) -> ExecutionRecord:
    """The record of an execution: status, clocks and outcome from the highest attempt, figures from all of them."""
    return ExecutionRecord._make(_execution_values(derived.sources_of_execution(execution, external_id)))


def step_record(step: StepFold, execution: ExecutionFold) -> StepRecord:
    """The record of a try of a step; one without an end of its own takes that of its attempt, once there is one."""
    return StepRecord._make(_step_values(derived.sources_of_step(step, execution)))
