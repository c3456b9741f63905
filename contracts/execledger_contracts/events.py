"""Every event of the contract: CloudEvents 1.0 attributes, and the data of each type.

An event is one immutable message about an execution. `Event` is their discriminated union; a type that is not
in the table is an `OtherEvent`, which is kept and changes no state.
"""

from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from execledger_contracts.fields import (
    Attempt,
    Count,
    EventType,
    Flag,
    Identifier,
    Iteration,
    Labels,
    Milliseconds,
    Money,
    Percent,
    RequiredIdentifier,
    Score,
    Seconds,
    Sequence,
    Text,
    Timestamp,
    TriggerMode,
    UriReference,
)

DATASCHEMA: Final = "urn:execledger:events:1"
WATCHDOG_SOURCE: Final = "execledger:watchdog"
IMPORT_SOURCE: Final = "execledger:import"
"""Source of events made from rows of older tables, alone or followed by a colon and more: history, not news."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Workflow(_Part):
    """The definition that ran."""

    id: Identifier | None = None
    name: Identifier | None = None
    version: Identifier | None = None


class Owner(_Part):
    """Who ran it."""

    id: Identifier | None = None
    email: Identifier | None = None
    name: Identifier | None = None


class Trigger(_Part):
    """What set it off."""

    mode: TriggerMode | None = None
    event_id: Identifier | None = None
    event_name: Identifier | None = None


class Budget(_Part):
    """What it may consume."""

    token_limit: Count | None = None
    cost_limit_usd: Money | None = None


class Usage(_Part):
    """What an attempt consumed, as the orchestrator reports it."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cost_usd: Money | None = None


class Error(_Part):
    """Why it failed."""

    message: Text | None = None
    type: Text | None = None
    stack: Text | None = None


class Step(_Part):
    """Which step: `id` defaults to `name`, and one of them is required."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}}
                for name in ("id", "name")
            ]
        }
    )

    id: RequiredIdentifier | None = None
    name: Identifier | None = None
    operation: Identifier | None = None
    iteration: Iteration | None = None
    total_items: Count | None = None
    agent_id: Identifier | None = None
    parent_id: Identifier | None = None

    @model_validator(mode="after")
    def _one_names_it(self) -> "Step":
        if self.id is None and not self.name:
            raise ValueError("must have an id or a name")
        return self


class StartData(_Part):
    """Data of `execution.created` and `execution.started`: what is known when it begins."""

    workflow: Workflow | None = None
    owner: Owner | None = None
    session_id: Identifier | None = None
    parent_execution_id: Identifier | None = None
    root_execution_id: Identifier | None = None
    trigger: Trigger | None = None
    mode: Identifier | None = None
    query: Text | None = None
    input: JsonValue = None
    total_steps: Count | None = None
    tags: list[Identifier] | None = None
    labels: Labels | None = None
    metadata: dict[str, JsonValue] | None = None
    complexity_score: Score | None = None
    timeout_seconds: Seconds | None = None
    budget: Budget | None = None


class ProgressData(_Part):
    """Data of `execution.progressed`, which is also the heartbeat."""

    progress_percent: Percent | None = None
    completed_steps: Count | None = None
    total_steps: Count | None = None
    message: Text | None = None


class CompletedData(_Part):
    """Data of `execution.completed`; the figures are those of its attempt."""

    output: JsonValue = None
    result: Text | None = None
    duration_ms: Milliseconds | None = None
    usage: Usage | None = None
    agents_used: Count | None = None
    tools_invoked: Count | None = None
    cache_hits: Count | None = None
    metadata: dict[str, JsonValue] | None = None


class FailedData(CompletedData):
    """Data of `execution.failed`."""

    error: Error | None = None


class TimedOutData(FailedData):
    """Data of `execution.timed_out`. `provisional` and `reason` count from the watchdog only."""

    provisional: Flag | None = None
    reason: Text | None = None


class CancelledData(FailedData):
    """Data of `execution.cancelled`."""

    reason: Text | None = None
    cancelled_by: Identifier | None = None
    killed_by_budget: Flag | None = None


class CancelRequestedData(_Part):
    """Data of `execution.cancel_requested`."""

    requested_by: Identifier | None = None
    reason: Text | None = None


class StepData(_Part):
    """Data of `step.started`."""

    step: Step
    input: JsonValue = None
    metadata: dict[str, JsonValue] | None = None


class StepEndData(StepData):
    """Data of the events that end a step. `unexpected`: it ended, and nobody knows when."""

    output: JsonValue = None
    error: Error | None = None
    duration_ms: Milliseconds | None = None
    unexpected: Flag | None = None


class LlmCallData(_Part):
    """Data of `llm.called`; cached and reasoning tokens are parts of the two before."""

    provider: Identifier | None = None
    model: Identifier | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost_usd: Money | None = None
    duration_ms: Milliseconds | None = None
    agent_id: Identifier | None = None
    step_id: Identifier | None = None
    cache_hit: Flag | None = None


class ToolCallData(_Part):
    """Data of `tool.called`."""

    tool_name: Identifier | None = None
    success: Flag | None = None
    duration_ms: Milliseconds | None = None
    error: Text | None = None
    agent_id: Identifier | None = None
    step_id: Identifier | None = None
    cache_hit: Flag | None = None
    input: JsonValue = None
    output: JsonValue = None


class CloudEvent(BaseModel):
    """The attributes that every event has."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: RequiredIdentifier
    source: UriReference
    type: EventType
    subject: RequiredIdentifier
    time: Timestamp
    tenantid: RequiredIdentifier = "default"
    sequence: Sequence | None = None
    attempt: Attempt = 1
    partitionkey: Identifier | None = None
    traceparent: Identifier | None = None
    dataschema: Text | None = None


class ExecutionCreated(CloudEvent):
    """It is known of, and has not begun."""

    type: Literal[
        "execution.created",
        "task.created",
        "workflow.created",
        "flow.created",
        "run.created",
    ]
    data: StartData = StartData()


class ExecutionStarted(CloudEvent):
    """It began."""

    type: Literal[
        "execution.started",
        "task.started",
        "workflow.started",
        "flow.started",
        "run.started",
    ]
    data: StartData = StartData()


class ExecutionProgressed(CloudEvent):
    """It got this far; the heartbeat."""

    type: Literal[
        "execution.progressed",
        "task.progressed",
        "workflow.progressed",
        "flow.progressed",
        "run.progressed",
    ]
    data: ProgressData = ProgressData()


class ExecutionCancelRequested(CloudEvent):
    """Somebody asked for it to be stopped."""

    type: Literal[
        "execution.cancel_requested",
        "task.cancel_requested",
        "workflow.cancel_requested",
        "flow.cancel_requested",
        "run.cancel_requested",
    ]
    data: CancelRequestedData = CancelRequestedData()


class ExecutionCompleted(CloudEvent):
    """It ended well."""

    type: Literal[
        "execution.completed",
        "task.completed",
        "workflow.completed",
        "flow.completed",
        "run.completed",
        "execution.succeeded",
        "task.succeeded",
        "workflow.succeeded",
        "flow.succeeded",
        "run.succeeded",
    ]
    data: CompletedData = CompletedData()


class ExecutionFailed(CloudEvent):
    """It ended in an error."""

    type: Literal[
        "execution.failed",
        "task.failed",
        "workflow.failed",
        "flow.failed",
        "run.failed",
    ]
    data: FailedData = FailedData()


class ExecutionTimedOut(CloudEvent):
    """It took too long."""

    type: Literal[
        "execution.timed_out",
        "task.timed_out",
        "workflow.timed_out",
        "flow.timed_out",
        "run.timed_out",
        "execution.timeout",
        "task.timeout",
        "workflow.timeout",
        "flow.timeout",
        "run.timeout",
    ]
    data: TimedOutData = TimedOutData()


class ExecutionCancelled(CloudEvent):
    """It was stopped."""

    type: Literal[
        "execution.cancelled",
        "task.cancelled",
        "workflow.cancelled",
        "flow.cancelled",
        "run.cancelled",
        "execution.canceled",
        "task.canceled",
        "workflow.canceled",
        "flow.canceled",
        "run.canceled",
        "execution.aborted",
        "task.aborted",
        "workflow.aborted",
        "flow.aborted",
        "run.aborted",
    ]
    data: CancelledData = CancelledData()


class StepStarted(CloudEvent):
    """A step began."""

    type: Literal[
        "step.started",
        "phase.started",
        "action.started",
        "node.started",
    ]
    data: StepData


class StepCompleted(CloudEvent):
    """A step ended well."""

    type: Literal[
        "step.completed",
        "phase.completed",
        "action.completed",
        "node.completed",
        "step.succeeded",
        "phase.succeeded",
        "action.succeeded",
        "node.succeeded",
    ]
    data: StepEndData


class StepFailed(CloudEvent):
    """A step ended in an error."""

    type: Literal[
        "step.failed",
        "phase.failed",
        "action.failed",
        "node.failed",
    ]
    data: StepEndData


class StepTimedOut(CloudEvent):
    """A step took too long."""

    type: Literal[
        "step.timed_out",
        "phase.timed_out",
        "action.timed_out",
        "node.timed_out",
        "step.timeout",
        "phase.timeout",
        "action.timeout",
        "node.timeout",
    ]
    data: StepEndData


class StepCancelled(CloudEvent):
    """A step was stopped."""

    type: Literal[
        "step.cancelled",
        "phase.cancelled",
        "action.cancelled",
        "node.cancelled",
        "step.canceled",
        "phase.canceled",
        "action.canceled",
        "node.canceled",
        "step.aborted",
        "phase.aborted",
        "action.aborted",
        "node.aborted",
    ]
    data: StepEndData


class StepSkipped(CloudEvent):
    """A step was passed over."""

    type: Literal[
        "step.skipped",
        "phase.skipped",
        "action.skipped",
        "node.skipped",
    ]
    data: StepEndData


class LlmCalled(CloudEvent):
    """A fact: a model was called."""

    type: Literal["llm.called"]
    data: LlmCallData = LlmCallData()


class ToolCalled(CloudEvent):
    """A fact: a tool was called."""

    type: Literal["tool.called"]
    data: ToolCallData = ToolCallData()


class OtherEvent(CloudEvent):
    """An event of any other type: kept in the log, changes no state."""

    data: JsonValue = None


StepEvent = StepStarted | StepCompleted | StepFailed | StepTimedOut | StepCancelled | StepSkipped
Fact = LlmCalled | ToolCalled
TableEvent = (
    ExecutionCreated
    | ExecutionStarted
    | ExecutionProgressed
    | ExecutionCancelRequested
    | ExecutionCompleted
    | ExecutionFailed
    | ExecutionTimedOut
    | ExecutionCancelled
    | StepEvent
    | Fact
)
Event = TableEvent | OtherEvent

TABLE_EVENTS: Final[tuple[type[CloudEvent], ...]] = get_args(TableEvent)


def sent_types(event: type[CloudEvent]) -> tuple[str, ...]:
    """Every type that a producer may write for this event; the canonical one is the first."""
    return get_args(event.model_fields["type"].annotation)


CANONICAL_TYPES: Final = {sent: sent_types(event)[0] for event in TABLE_EVENTS for sent in sent_types(event)}
"""Every type of the table as it may be sent, and the type it reads as."""
