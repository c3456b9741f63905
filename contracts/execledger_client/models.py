"""What the API answers. Written by `make schema`: change the routes instead."""

# fmt: off
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict
from uuid import UUID

from msgspec import Struct, field

ExecutionField: TypeAlias = Literal["id", "external_id", "tenant_id", "owner", "session_id", "workflow", "status", "provisional", "attempt", "trigger", "mode", "query", "created_at", "started_at", "ended_at", "duration_ms", "progress_percent", "completed_steps", "total_steps", "error", "usage", "agents_used", "tools_invoked", "cache_hits", "complexity_score", "timeout_seconds", "budget", "tree", "paused_at", "waiting_for", "cancelled_by", "cancel_reason", "cancel_requested_at", "killed_by_budget", "tags", "labels", "metadata", "parent_execution_id", "root_execution_id", "traceparent", "version", "revision", "capped", "omitted", "input", "output", "result"]
"""A member of an execution, for `fields`."""


class ExecutionFilters(TypedDict, total=False):
    """What executions are narrowed to, all of which must hold: as the parameters of the API."""

    status: str | Sequence[str]
    workflow_version: str | None
    owner_id: str | None
    session_id: str | None
    tenant_id: str | None
    external_id: str | None
    trigger: str | None
    mode: str | None
    tag: str | Sequence[str]
    label: Mapping[str, str] | Sequence[str]
    error_type: str | None
    started_after: datetime | str | None
    started_before: datetime | str | None
    duration_ms_gte: int | None
    duration_ms_lte: int | None
    cost_usd_gte: Decimal | float | str | None
    parent: str | None
    root: str | None
    has_children: bool | None
    paused: bool | None
    waiting_for: str | None
    killed_by_budget: bool | None
    q: str | None
    workflow_id: str | None


class Account(Struct, frozen=True, kw_only=True):
    """The account of one partition: what was consumed is gaps, missed and the six outcomes, added up."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    end_offset: int | None
    gaps: int
    missed: int
    applied: int
    late: int
    duplicate: int
    rejected: int
    dead_lettered: int
    skipped: int
    lag: int | None
    unaccounted: int


class AgentsAnalysis(Struct, frozen=True, kw_only=True):
    """Agents."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[AgentsItem]


class AgentsItem(Struct, frozen=True, kw_only=True):
    """What agents did."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    steps: int
    completed: int
    failed: int
    success_rate: float | None
    duration_ms: Durations
    llm_calls: int
    calls_of_tools: int
    failed_calls: int
    total_tokens: int
    cost_usd: Decimal


class Budget(Struct, frozen=True, kw_only=True):
    """What it may consume, and how much of that is consumed: by its tree, when its scope is that and it is a root."""

    token_limit: int | None
    cost_limit_usd: Decimal | None
    scope: str | None
    consumed_tokens: int | None
    consumed_cost_usd: Decimal | None


class Cancelling(Struct, frozen=True, kw_only=True):
    """What is asked."""

    reason: str | None = None
    descendants: bool | None = None


class ComparedStep(Struct, frozen=True, kw_only=True):
    """A step of both, by its id and iteration; null where one has none."""

    step_id: str
    iteration: int | None
    a: StepOfOne | None
    b: StepOfOne | None
    duration_ms: Counts


class ComparedUsage(Struct, frozen=True, kw_only=True):
    """What both consumed."""

    prompt_tokens: Counts
    completion_tokens: Counts
    total_tokens: Counts
    cost_usd: Costs


class Comparison(Struct, frozen=True, kw_only=True):
    """Two executions side by side."""

    a: Execution
    b: Execution
    status: Statuses
    duration_ms: Counts
    usage: ComparedUsage
    steps: list[ComparedStep]
    output: list[PatchOperation] | None


class CostAnalysis(Struct, frozen=True, kw_only=True):
    """Tokens and cost."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[CostItem]


class CostItem(Struct, frozen=True, kw_only=True):
    """Tokens and cost: the figures of executions, by whatever they are grouped, add up to the same."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    executions: int | None
    calls: int | None
    cache_hits: int | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Decimal


class Costs(Struct, frozen=True, kw_only=True):
    """What both cost."""

    a: str
    b: str
    difference: str


class Counts(Struct, frozen=True, kw_only=True):
    """A figure of both; null where one has none."""

    a: int | None
    b: int | None
    difference: int | None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A record that could not be recorded."""

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    reason: str
    detail: str
    fingerprint: str
    redriven_at: datetime | None


class DeadLetterPage(Struct, frozen=True, kw_only=True):
    """Dead letters, the newest first."""

    items: list[DeadLetter]
    next_cursor: str | None


class DecidedField(Struct, frozen=True, kw_only=True):
    """A field of the record, and the event that decided it."""

    event_id: UUID
    type: str
    occurred_at: datetime
    value: Any


class Difference(Struct, frozen=True, kw_only=True):
    """What an audit found."""

    topic: str
    partition: int
    offset: int | None
    expected: str
    found: str


class Durations(Struct, frozen=True, kw_only=True):
    """Milliseconds, from a histogram: a percentile lies within 4.4 % of the true one; null of none."""

    p50: int | None
    p95: int | None
    p99: int | None
    mean: int | None


class DurationsAnalysis(Struct, frozen=True, kw_only=True):
    """How long executions took."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[DurationsItem]


class DurationsItem(Struct, frozen=True, kw_only=True):
    """How long executions took that have ended."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    executions: int
    success_rate: float | None
    duration_ms: Durations


class Error(Struct, frozen=True, kw_only=True):
    """Why it failed."""

    message: str | None
    type: str | None
    stack: str | None = None


class Event(Struct, frozen=True, kw_only=True):
    """One message about an execution, as it is in the log."""

    event_id: UUID
    id: str
    source: str
    type: str
    occurred_at: datetime
    received_at: datetime
    recorded_at: datetime
    attempt: int
    sequence: int | None
    outcome: str
    reason: str | None
    ignored: list[IgnoredField] | None
    topic: str
    partition: int
    offset: int
    data: Any
    data_encoding: str | None


class EventPage(Struct, frozen=True, kw_only=True):
    """Events, in their order."""

    items: list[Event]
    next_cursor: str | None


class EventsAnalysis(Struct, frozen=True, kw_only=True):
    """Events over time."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[EventsItem]


class EventsItem(Struct, frozen=True, kw_only=True):
    """How many events there were."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    events: int


class Execution(Struct, frozen=True, kw_only=True):
    """One run of a workflow."""

    id: UUID
    external_id: str
    tenant_id: str
    owner: Owner | None
    session_id: str | None
    workflow: Workflow | None
    status: str
    provisional: bool
    attempt: int
    trigger: Trigger | None
    mode: str | None
    query: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    progress_percent: int | None
    completed_steps: int
    total_steps: int
    error: Error | None
    usage: Usage
    agents_used: int
    tools_invoked: int
    cache_hits: int
    complexity_score: float | None
    timeout_seconds: float | None
    budget: Budget
    tree: Tree | None
    paused_at: datetime | None
    waiting_for: str | None
    cancelled_by: str | None
    cancel_reason: str | None
    cancel_requested_at: datetime | None
    killed_by_budget: bool
    tags: list[str] | None
    labels: dict[str, str] | None
    metadata: dict[str, Any] | None
    parent_execution_id: str | None
    root_execution_id: str
    traceparent: str | None
    version: int
    revision: int
    capped: list[str] | None
    omitted: list[str]
    input: Any = None
    output: Any = None
    result: str | None = None


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """Executions."""

    items: list[ListedExecution]
    next_cursor: str | None
    total: int | None = None
    total_is_exact: bool | None = None


class ExecutionsAnalysis(Struct, frozen=True, kw_only=True):
    """Executions over time."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[ExecutionsItem]


class ExecutionsItem(Struct, frozen=True, kw_only=True):
    """Executions by what became of them."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    executions: int
    pending: int
    running: int
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    killed_by_budget: int
    success_rate: float | None


class ExplainedEvent(Struct, frozen=True, kw_only=True):
    """An event: what became of it on arrival, and what the record owes to it now."""

    event_id: UUID
    id: str
    source: str
    type: str
    occurred_at: datetime
    attempt: int
    sequence: int | None
    outcome: str
    ignored: list[IgnoredField]
    decides: list[str]
    not_applied: str | None


class Explanation(Struct, frozen=True, kw_only=True):
    """Which event decided each field, by the field's name, and what each event did."""

    fields: dict[str, DecidedField]
    events: list[ExplainedEvent]
    provisional: Provisional | None
    notes: list[Note] | None = None


class FailingStep(Struct, frozen=True, kw_only=True):
    """The step at which an execution failed: the innermost and latest of those that failed."""

    step_id: str
    name: str | None
    iteration: int | None
    total_items: int | None
    attempt: int
    try_number: int
    input: Any
    error: Error | None


class Header(Struct, frozen=True, kw_only=True):
    """A header of a Kafka record; names may repeat."""

    name: str
    value: str | None


class Health(Struct, frozen=True, kw_only=True):
    """The process is alive."""

    status: str | None = None


class IgnoredField(Struct, frozen=True, kw_only=True):
    """A field that was left out of an event, or read otherwise than it was sent, and the rule."""

    field: str
    rule: str


class Ledger(Struct, frozen=True, kw_only=True):
    """The account of every consumed record."""

    partitions: list[Account]
    unaccounted: int
    missed: int
    audited: bool
    differences: list[Difference]


class ListedExecution(Struct, frozen=True, kw_only=True):
    """One run of a workflow."""

    id: UUID | None = None
    external_id: str | None = None
    tenant_id: str | None = None
    owner: Owner | None = None
    session_id: str | None = None
    workflow: Workflow | None = None
    status: str | None = None
    provisional: bool | None = None
    attempt: int | None = None
    trigger: Trigger | None = None
    mode: str | None = None
    query: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    progress_percent: int | None = None
    completed_steps: int | None = None
    total_steps: int | None = None
    error: Error | None = None
    usage: Usage | None = None
    agents_used: int | None = None
    tools_invoked: int | None = None
    cache_hits: int | None = None
    complexity_score: float | None = None
    timeout_seconds: float | None = None
    budget: Budget | None = None
    tree: Tree | None = None
    paused_at: datetime | None = None
    waiting_for: str | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    cancel_requested_at: datetime | None = None
    killed_by_budget: bool | None = None
    tags: list[str] | None = None
    labels: dict[str, str] | None = None
    metadata: dict[str, Any] | None = None
    parent_execution_id: str | None = None
    root_execution_id: str | None = None
    traceparent: str | None = None
    version: int | None = None
    revision: int | None = None
    capped: list[str] | None = None
    omitted: list[str] | None = None
    input: Any = None
    output: Any = None
    result: str | None = None


class LlmCall(Struct, frozen=True, kw_only=True):
    """A call of a model."""

    event_id: UUID
    occurred_at: datetime
    attempt: int
    step_id: str | None
    agent_id: str | None
    duration_ms: int | None
    error: str | None
    cache_hit: bool | None
    provider: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    input_audio_tokens: int | None
    output_audio_tokens: int | None
    cost_usd: Decimal | None
    cost_source: str | None
    price_version: str | None


class LlmCallPage(Struct, frozen=True, kw_only=True):
    """Calls of models, by time."""

    items: list[LlmCall]
    next_cursor: str | None


class Member(Struct, frozen=True, kw_only=True):
    """An execution of a tree, with its figures."""

    id: UUID
    external_id: str
    workflow: Workflow | None
    status: str
    started_at: datetime | None
    duration_ms: int | None
    parent_execution_id: str | None
    ended_at: datetime | None
    total_tokens: int
    cost_usd: Decimal


class Namesake(Struct, frozen=True, kw_only=True):
    """One of several executions that bear an external id."""

    id: str
    tenant_id: str


class Note(Struct, frozen=True, kw_only=True):
    """What events say that cannot be, and what became of it."""

    field: str
    event_id: UUID
    reason: str


class Owner(Struct, frozen=True, kw_only=True):
    """Who ran it."""

    id: str | None
    email: str | None
    name: str | None


class ParameterError(Struct, frozen=True, kw_only=True):
    """What is wrong with one parameter, or with one member of the body."""

    parameter: str | None = None
    pointer: str | None = None
    detail: str


class PatchOperation(Struct, frozen=True, kw_only=True):
    """An operation of a JSON Patch, RFC 6902."""

    op: str
    path: str
    value: Any


class Percentiles(Struct, frozen=True, kw_only=True):
    """Milliseconds, from a histogram: each lies within 4.4 % of the true one; null of none."""

    p50: int | None
    p95: int | None
    p99: int | None


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was not answered: problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[ParameterError] | None = None
    executions: list[Namesake] | None = None


class Provisional(Struct, frozen=True, kw_only=True):
    """Why we took the execution for ended."""

    reason: str | None


class RankedExecutions(Struct, frozen=True, kw_only=True):
    """The executions of which there is most."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[Ranking]


class Ranking(Struct, frozen=True, kw_only=True):
    """An execution of which there is most."""

    id: UUID
    external_id: str
    workflow_id: str | None
    workflow_version: str | None
    owner_id: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    total_tokens: int
    cost_usd: Decimal


class Readiness(Struct, frozen=True, kw_only=True):
    """The database answers, and its schema is one that we read."""

    status: str | None = None
    schema_version: int


class RegisteredWorkflow(Struct, frozen=True, kw_only=True):
    """A workflow of which executions were recorded, and what they come to."""

    id: str
    tenant_id: str
    name: str | None
    versions: list[str]
    executions: int
    by_status: dict[str, int]
    success_rate: float | None
    duration_ms: Percentiles
    last_started_at: datetime | None


class Relative(Struct, frozen=True, kw_only=True):
    """An execution that belongs to another."""

    id: UUID
    external_id: str
    workflow: Workflow | None
    status: str
    started_at: datetime | None
    duration_ms: int | None


class SlowStep(Struct, frozen=True, kw_only=True):
    """One of the steps that took longest."""

    step_id: str
    iteration: int | None
    attempt: int
    try_number: int
    duration_ms: int


class Statuses(Struct, frozen=True, kw_only=True):
    """How both stand."""

    a: str
    b: str


class Step(Struct, frozen=True, kw_only=True):
    """One try of a step of an execution, in one iteration and attempt."""

    step_id: str
    name: str | None
    operation: str | None
    iteration: int | None
    total_items: int | None
    attempt: int
    try_number: int
    agent_id: str | None
    parent_id: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    provisional: bool
    input: Any
    output: Any
    error: Error | None
    metadata: dict[str, Any] | None


class StepColumns(Struct, frozen=True, kw_only=True):
    """The steps of an execution as columns."""

    columns: dict[str, list[Any]]
    count: int


class StepOfOne(Struct, frozen=True, kw_only=True):
    """A step in one of them: the last try of its last attempt."""

    status: str
    try_number: int
    offset_ms: int | None
    duration_ms: int | None


class StepPage(Struct, frozen=True, kw_only=True):
    """Steps, by the time of their first event."""

    items: list[Step]
    next_cursor: str | None


class StepsAnalysis(Struct, frozen=True, kw_only=True):
    """Steps."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[StepsItem]


class StepsItem(Struct, frozen=True, kw_only=True):
    """Tries of steps by what became of them."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    steps: int
    running: int
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    skipped: int
    success_rate: float | None
    duration_ms: Durations


class Timeline(Struct, frozen=True, kw_only=True):
    """How an execution went."""

    execution: Execution
    attempts: list[TimelineAttempt]
    steps: list[TimelineStep]
    failing: FailingStep | None
    slowest: list[SlowStep]
    gaps: list[TimelineGap]
    parent: Relative | None
    root: Relative | None
    children: list[Relative]
    has_more_children: bool


class TimelineAttempt(Struct, frozen=True, kw_only=True):
    """One run of the whole execution."""

    attempt: int
    status: str
    started_at: datetime
    ended_at: datetime | None


class TimelineGap(Struct, frozen=True, kw_only=True):
    """A time in which an attempt ran and none of its steps."""

    from_: datetime = field(name="from")
    to: datetime
    ms: int


class TimelineStep(Struct, frozen=True, kw_only=True):
    """A step, and where it lies."""

    step_id: str
    name: str | None
    operation: str | None
    iteration: int | None
    total_items: int | None
    attempt: int
    try_number: int
    agent_id: str | None
    parent_id: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    provisional: bool
    input: Any
    output: Any
    error: Error | None
    metadata: dict[str, Any] | None
    depth: int
    offset_ms: int | None
    gap_before_ms: int | None
    unexpected_end: bool


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call of a tool."""

    event_id: UUID
    occurred_at: datetime
    attempt: int
    step_id: str | None
    agent_id: str | None
    duration_ms: int | None
    error: str | None
    cache_hit: bool | None
    tool_name: str | None
    success: bool | None
    input: Any
    output: Any


class ToolCallPage(Struct, frozen=True, kw_only=True):
    """Calls of tools, by time."""

    items: list[ToolCall]
    next_cursor: str | None


class ToolsAnalysis(Struct, frozen=True, kw_only=True):
    """Tools."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[ToolsItem]


class ToolsItem(Struct, frozen=True, kw_only=True):
    """Calls of tools."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    calls: int
    succeeded: int
    failed: int
    success_rate: float | None
    cache_hits: int
    cache_hit_rate: float | None
    duration_ms: Durations


class Tree(Struct, frozen=True, kw_only=True):
    """What a root and those come to that name it as theirs; for an owner, of its own executions."""

    executions: int
    open: int
    failed: int
    total_tokens: int
    cost_usd: Decimal


class TreePage(Struct, frozen=True, kw_only=True):
    """A tree: its root, and the executions that name it as theirs, by start."""

    root: Member | None
    executions: list[Member]
    next_cursor: str | None


class Trigger(Struct, frozen=True, kw_only=True):
    """What set it off."""

    mode: str | None
    event_id: str | None
    event_name: str | None


class Usage(Struct, frozen=True, kw_only=True):
    """What it consumed, over all attempts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Decimal
    cost_source: str | None


class UsageAnalysis(Struct, frozen=True, kw_only=True):
    """Usage of owners."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[UsageItem]


class UsageItem(Struct, frozen=True, kw_only=True):
    """What owners used."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    executions: int
    completed: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Decimal


class VersionChange(Struct, frozen=True, kw_only=True):
    """What is other than in the version before: a difference of rates, and ratios (1.0: the same); null: unknown."""

    success_rate: float | None
    p50: float | None
    p95: float | None
    cost_usd: float | None
    total_tokens: float | None


class VersionsAnalysis(Struct, frozen=True, kw_only=True):
    """Versions of workflows."""

    from_: datetime = field(name="from")
    to: datetime
    time_zone: str
    bucket: str | None
    items: list[VersionsItem]


class VersionsItem(Struct, frozen=True, kw_only=True):
    """One version of a workflow, and what changed with it."""

    bucket_start: datetime
    workflow_id: str | None = None
    workflow_version: str | None = None
    mode: str | None = None
    complexity: str | None = None
    status: str | None = None
    owner_id: str | None = None
    trigger: str | None = None
    error_type: str | None = None
    step: str | None = None
    operation: str | None = None
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tool_name: str | None = None
    type: str | None = None
    executions: int
    success_rate: float | None
    duration_ms: Durations
    total_tokens: int
    cost_usd: Decimal
    first_started_at: datetime
    version_before: str | None
    change: VersionChange | None


class WholeDeadLetter(Struct, frozen=True, kw_only=True):
    """A record that could not be recorded, as it came, or what is kept of it: with the role payloads, else null."""

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    reason: str
    detail: str
    fingerprint: str
    redriven_at: datetime | None
    key: str | None
    headers: list[Header] | None
    value_base64: str | None
    cut: dict[str, dict[str, int | str]] | None


class Workflow(Struct, frozen=True, kw_only=True):
    """The definition that ran."""

    id: str | None
    name: str | None
    version: str | None


class WorkflowPage(Struct, frozen=True, kw_only=True):
    """A page of workflows, by tenant and id."""

    items: list[RegisteredWorkflow]
    next_cursor: str | None
    total: int | None = None
    total_is_exact: bool | None = None


class WorkflowRun(Struct, frozen=True, kw_only=True):
    """An execution as that table shows it."""

    id: str
    workflow_id: str
    owner_id: str | None
    status: str
    execution_status: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    initial_input: Any
    phase_results: dict[str, dict[str, Any]]
    final_output: Any
    error_message: str | None
    progress_percent: int
    completed_phases: int
    total_phases: int
    tags: list[str]
    metadata: dict[str, Any]


class WorkflowRunPage(Struct, frozen=True, kw_only=True):
    """Executions of a workflow, newest first."""

    total: int
    executions: list[WorkflowRun]
    limit: int
    offset: int
