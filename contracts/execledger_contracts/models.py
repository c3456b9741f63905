"""Every event of the contract: CloudEvents 1.0 attributes, and the data of each type.

An event is one immutable message about an execution. `Event` is their discriminated union; a type that is not
in the table is an `OtherEvent`, which is kept and changes no state.
"""

from types import NoneType
from typing import ClassVar, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from execledger_contracts.fields import (
    Attempt,
    BudgetScope,
    Count,
    EventId,
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
    Subject,
    Text,
    Timestamp,
    TriggerMode,
    TryNumber,
    UriReference,
)
from execledger_contracts.status import Status
from execledger_contracts.types import spellings, without_prefix

DATASCHEMA: Final = "urn:execledger:events:1"
OUR_SOURCES: Final = "execledger:"
"""What the sources of Execledger itself begin with. Nobody else is believed to be one: such records are signed."""

WATCHDOG_SOURCE: Final = "execledger:watchdog"
IMPORT_SOURCE: Final = "execledger:import"
"""Source of events made from rows of older tables, alone or followed by a colon and more: history, not news."""

IMPORTED_TYPE: Final = "imported:"
"""Stands before the type of an event that an older log held: it is kept, and does nothing here."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    said_alone: ClassVar[str | None] = None
    """The field that a text means which stands where the object belongs."""


class Workflow(_Part):
    """The definition that ran."""

    said_alone: ClassVar = "id"

    id: Identifier | None = None
    name: Identifier | None = None
    version: Identifier | None = None


class Owner(_Part):
    """Who ran it."""

    said_alone: ClassVar = "id"

    id: Identifier | None = None
    email: Identifier | None = None
    name: Identifier | None = None


class Trigger(_Part):
    """What set it off."""

    said_alone: ClassVar = "mode"

    mode: TriggerMode | None = None
    event_id: Identifier | None = None
    event_name: Identifier | None = None


class Budget(_Part):
    """What it may consume."""

    token_limit: Count | None = None
    cost_limit_usd: Money | None = None
    scope: BudgetScope | None = None


class Usage(_Part):
    """What an attempt consumed, as the orchestrator reports it."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    cost_usd: Money | None = None


class Error(_Part):
    """Why it failed."""

    said_alone: ClassVar = "message"

    message: Text | None = None
    type: Identifier | None = None
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
    error: Text | None = None
    duration_ms: Milliseconds | None = None
    agent_id: Identifier | None = None
    step_id: Identifier | None = None
    cache_hit: Flag | None = None
    input: JsonValue = None
    output: JsonValue = None


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

    canonical: ClassVar[str] = ""
    """The type of the table that its type reads as."""

    specversion: Literal["1.0"]
    id: EventId
    source: UriReference
    type: EventType
    subject: Subject
    time: Timestamp
    tenantid: Subject = "default"
    sequence: Sequence | None = None
    attempt: Attempt = 1
    partitionkey: Identifier | None = None
    traceparent: Identifier | None = None
    dataschema: Text | None = None


COSTS_THE_EVENT: Final = frozenset(
    name for name, field in CloudEvent.model_fields.items() if NoneType not in get_args(field.annotation)
)
"""The attributes that say which event of which execution it is, and where it stands: wrong ones make a dead letter."""


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

    canonical: ClassVar = "execution.created"
    traits: ClassVar = Traits(0, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    data: StartData = StartData()


class ExecutionStarted(_ExecutionEvent):
    """It began."""

    canonical: ClassVar = "execution.started"
    traits: ClassVar = Traits(1, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    data: StartData = StartData()


class ExecutionProgressed(_ExecutionEvent):
    """It got this far; the heartbeat."""

    canonical: ClassVar = "execution.progressed"
    traits: ClassVar = Traits(2, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    data: ProgressData = ProgressData()


class ExecutionPaused(_ExecutionEvent):
    """It waits for something, an approval say."""

    canonical: ClassVar = "execution.paused"
    traits: ClassVar = Traits(3, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    data: PauseData = PauseData()


class ExecutionResumed(_ExecutionEvent):
    """It goes on."""

    canonical: ClassVar = "execution.resumed"
    traits: ClassVar = Traits(4, ends=None, raises_attempt=True, is_sign_of_life=True, shows_running=True)

    data: PauseData = PauseData()


class ExecutionCancelRequested(_ExecutionEvent):
    """Somebody asked for it to be stopped."""

    canonical: ClassVar = "execution.cancel_requested"
    traits: ClassVar = Traits(5, ends=None, raises_attempt=False, is_sign_of_life=False, shows_running=False)

    data: CancelRequestedData = CancelRequestedData()


class ExecutionCompleted(_ExecutionEvent):
    """It ended well."""

    canonical: ClassVar = "execution.completed"
    traits: ClassVar = Traits(14, ends=Status.COMPLETED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    data: CompletedData = CompletedData()


class ExecutionFailed(_ExecutionEvent):
    """It ended in an error."""

    canonical: ClassVar = "execution.failed"
    traits: ClassVar = Traits(15, ends=Status.FAILED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    data: FailedData = FailedData()


class ExecutionTimedOut(_ExecutionEvent):
    """It took too long."""

    canonical: ClassVar = "execution.timed_out"
    traits: ClassVar = Traits(16, ends=Status.TIMED_OUT, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    data: TimedOutData = TimedOutData()


class ExecutionCancelled(_ExecutionEvent):
    """It was stopped."""

    canonical: ClassVar = "execution.cancelled"
    traits: ClassVar = Traits(17, ends=Status.CANCELLED, raises_attempt=True, is_sign_of_life=True, shows_running=False)

    data: CancelledData = CancelledData()


class StepStarted(_StepEvent):
    """A step began."""

    canonical: ClassVar = "step.started"
    traits: ClassVar = Traits(6, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepData


class StepCompleted(_StepEvent):
    """A step ended well."""

    canonical: ClassVar = "step.completed"
    traits: ClassVar = Traits(7, ends=Status.COMPLETED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepEndData


class StepFailed(_StepEvent):
    """A step ended in an error."""

    canonical: ClassVar = "step.failed"
    traits: ClassVar = Traits(8, ends=Status.FAILED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepEndData


class StepTimedOut(_StepEvent):
    """A step took too long."""

    canonical: ClassVar = "step.timed_out"
    traits: ClassVar = Traits(9, ends=Status.TIMED_OUT, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepEndData


class StepCancelled(_StepEvent):
    """A step was stopped."""

    canonical: ClassVar = "step.cancelled"
    traits: ClassVar = Traits(10, ends=Status.CANCELLED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepEndData


class StepSkipped(_StepEvent):
    """A step was passed over."""

    canonical: ClassVar = "step.skipped"
    traits: ClassVar = Traits(11, ends=Status.SKIPPED, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: StepEndData


class LlmCalled(_Fact):
    """A fact: a model was called."""

    canonical: ClassVar = "llm.called"
    traits: ClassVar = Traits(12, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: LlmCallData = LlmCallData()


class ToolCalled(_Fact):
    """A fact: a tool was called."""

    canonical: ClassVar = "tool.called"
    traits: ClassVar = Traits(12, ends=None, raises_attempt=False, is_sign_of_life=True, shows_running=True)

    data: ToolCallData = ToolCallData()


class OtherEvent(CloudEvent):
    """An event of any other type: kept in the log, changes no state."""

    kind: ClassVar[Literal["other"]] = "other"
    canonical: ClassVar = "other"
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


MODELS: Final = {sent: event for event in TABLE_EVENTS for sent in spellings(event.canonical)}
"""Every type of the table as it may be sent without a prefix, and the model of its events."""


def model_of(sent: object) -> type[Event]:
    """The model of events of a type, with or without a prefix."""
    if not isinstance(sent, str):
        return OtherEvent
    return MODELS[sent] if sent in MODELS else MODELS.get(without_prefix(sent), OtherEvent)


def canonical_type(sent: str) -> str | None:
    """The type of the table that a type reads as; None when it is none of them."""
    model = model_of(sent)
    return None if model is OtherEvent else model.canonical
