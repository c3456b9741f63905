"""Every event of the contract: CloudEvents 1.0 attributes, and the data of each type.

An event is one immutable message about an execution. `Event` is their discriminated union; a type that is not
in the table is an `OtherEvent`, which is kept and changes no state.
"""

from typing import ClassVar, Final, Literal, NamedTuple, get_args

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
    TryNumber,
    UriReference,
)
from execledger_contracts.status import Status

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
    scope: Literal["tree", "execution"] | None = None


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
    try_number: TryNumber | None = None
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


class PauseData(_Part):
    """Data of `execution.paused` and `execution.resumed`."""

    reason: Text | None = None
    waiting_for: Text | None = None


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
    """Data of `llm.called`; the tokens named after the first two are parts of those."""

    provider: Identifier | None = None
    model: Identifier | None = None
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    input_audio_tokens: Count | None = None
    output_audio_tokens: Count | None = None
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


class Traits(NamedTuple):
    """What an event's class says of itself, for the rules of docs/lifecycle.md.

    `CloudEvent` has none, so that a class without its own is a type error wherever a rule asks for them.
    """

    rank: int  # orders events of one time and sequence: what begins first, what ends the execution last
    ends: Status | None  # the status that it gives its execution or step
    raises_attempt: bool  # a later attempt begins with it
    is_sign_of_life: bool  # makes an earlier provisional ending void
    shows_running: bool  # the attempt had begun by then


class _ExecutionEvent(CloudEvent):
    kind: ClassVar[Literal["execution"]] = "execution"


class _StepEvent(CloudEvent):
    kind: ClassVar[Literal["step"]] = "step"


class _Fact(CloudEvent):
    kind: ClassVar[Literal["fact"]] = "fact"


class ExecutionCreated(_ExecutionEvent):
    """It is known of, and has not begun."""

    traits: ClassVar = Traits(0, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    type: Literal[
        "execution.created",
        "task.created",
        "workflow.created",
        "flow.created",
        "run.created",
    ]
    data: StartData = StartData()


class ExecutionStarted(_ExecutionEvent):
    """It began."""

    traits: ClassVar = Traits(1, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "execution.started",
        "task.started",
        "workflow.started",
        "flow.started",
        "run.started",
    ]
    data: StartData = StartData()


class ExecutionProgressed(_ExecutionEvent):
    """It got this far; the heartbeat."""

    traits: ClassVar = Traits(2, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "execution.progressed",
        "task.progressed",
        "workflow.progressed",
        "flow.progressed",
        "run.progressed",
    ]
    data: ProgressData = ProgressData()


class ExecutionPaused(_ExecutionEvent):
    """It waits for something, an approval say."""

    traits: ClassVar = Traits(3, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "execution.paused",
        "task.paused",
        "workflow.paused",
        "flow.paused",
        "run.paused",
    ]
    data: PauseData = PauseData()


class ExecutionResumed(_ExecutionEvent):
    """It goes on."""

    traits: ClassVar = Traits(4, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "execution.resumed",
        "task.resumed",
        "workflow.resumed",
        "flow.resumed",
        "run.resumed",
    ]
    data: PauseData = PauseData()


class ExecutionCancelRequested(_ExecutionEvent):
    """Somebody asked for it to be stopped."""

    traits: ClassVar = Traits(5, ends=None, raises_attempt=False, is_sign_of_life=False, shows_running=False)

    type: Literal[
        "execution.cancel_requested",
        "task.cancel_requested",
        "workflow.cancel_requested",
        "flow.cancel_requested",
        "run.cancel_requested",
    ]
    data: CancelRequestedData = CancelRequestedData()


class ExecutionCompleted(_ExecutionEvent):
    """It ended well."""

    traits: ClassVar = Traits(14, ends=Status.COMPLETED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

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


class ExecutionFailed(_ExecutionEvent):
    """It ended in an error."""

    traits: ClassVar = Traits(15, ends=Status.FAILED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    type: Literal[
        "execution.failed",
        "task.failed",
        "workflow.failed",
        "flow.failed",
        "run.failed",
    ]
    data: FailedData = FailedData()


class ExecutionTimedOut(_ExecutionEvent):
    """It took too long."""

    traits: ClassVar = Traits(16, ends=Status.TIMED_OUT, raises_attempt=True, is_sign_of_life=True, shows_running=False)

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


class ExecutionCancelled(_ExecutionEvent):
    """It was stopped."""

    traits: ClassVar = Traits(17, ends=Status.CANCELLED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

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


class StepStarted(_StepEvent):
    """A step began."""

    traits: ClassVar = Traits(6, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "step.started",
        "phase.started",
        "action.started",
        "node.started",
    ]
    data: StepData


class StepCompleted(_StepEvent):
    """A step ended well."""

    traits: ClassVar = Traits(7, ends=Status.COMPLETED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

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


class StepFailed(_StepEvent):
    """A step ended in an error."""

    traits: ClassVar = Traits(8, ends=Status.FAILED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "step.failed",
        "phase.failed",
        "action.failed",
        "node.failed",
    ]
    data: StepEndData


class StepTimedOut(_StepEvent):
    """A step took too long."""

    traits: ClassVar = Traits(9, ends=Status.TIMED_OUT, raises_attempt=False, is_sign_of_life=True, shows_running=True)

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


class StepCancelled(_StepEvent):
    """A step was stopped."""

    traits: ClassVar = Traits(10, ends=Status.CANCELLED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

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


class StepSkipped(_StepEvent):
    """A step was passed over."""

    traits: ClassVar = Traits(11, ends=Status.SKIPPED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    type: Literal[
        "step.skipped",
        "phase.skipped",
        "action.skipped",
        "node.skipped",
    ]
    data: StepEndData


class LlmCalled(_Fact):
    """A fact: a model was called."""

    traits: ClassVar = Traits(12, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    type: Literal["llm.called"]
    data: LlmCallData = LlmCallData()


class ToolCalled(_Fact):
    """A fact: a tool was called."""

    traits: ClassVar = Traits(12, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    type: Literal["tool.called"]
    data: ToolCallData = ToolCallData()


class OtherEvent(CloudEvent):
    """An event of any other type: kept in the log, changes no state."""

    kind: ClassVar[Literal["other"]] = "other"
    traits: ClassVar = Traits(13, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=False)

    data: JsonValue = None


Beginning = ExecutionCreated | ExecutionStarted
ExecutionEnd = ExecutionCompleted | ExecutionFailed | ExecutionTimedOut | ExecutionCancelled
Pause = ExecutionPaused | ExecutionResumed
ExecutionEvent = Beginning | ExecutionProgressed | Pause | ExecutionCancelRequested | ExecutionEnd
StepEnd = StepCompleted | StepFailed | StepTimedOut | StepCancelled | StepSkipped
StepEvent = StepStarted | StepEnd
Fact = LlmCalled | ToolCalled
TableEvent = ExecutionEvent | StepEvent | Fact
Event = TableEvent | OtherEvent

TABLE_EVENTS: Final[tuple[type[TableEvent], ...]] = get_args(TableEvent)
EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)


def sent_types(event: type[CloudEvent]) -> tuple[str, ...]:
    """Every type that a producer may write for this event; the canonical one is the first."""
    return get_args(event.__annotations__["type"])


MODELS: Final = {sent: event for event in TABLE_EVENTS for sent in sent_types(event)}
"""Every type of the table as it may be sent, and the model of its events."""

CANONICAL_TYPES: Final = {sent: sent_types(event)[0] for sent, event in MODELS.items()}
"""Every type of the table as it may be sent, and the type it reads as."""
