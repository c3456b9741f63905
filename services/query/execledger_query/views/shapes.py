"""The shapes of what the service shows of executions. Pure."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from execledger_contracts.ignored import Rule
from execledger_contracts.status import ExecutionStatus, StepStatus

PAYLOAD_FIELDS: Final = ("input", "output", "result")


def show_time(at: datetime) -> str:
    """In UTC with three decimals: the rest is cut off, not rounded.

    >>> show_time(datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=UTC))
    '2026-01-02T03:04:05.678Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def show_money(amount: Decimal) -> str:
    """In plain notation, without trailing zeros.

    >>> show_money(Decimal("1.500000000")), show_money(Decimal("100")), show_money(Decimal("0E-9"))
    ('1.5', '100', '0')
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(show_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Money = Annotated[
    Decimal,
    PlainSerializer(show_money, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d*[1-9])?$", "examples": ["0.0125"]}),
]


class Shape(BaseModel):
    """None of them changes."""

    model_config = ConfigDict(frozen=True)


class Owner(Shape):
    """Who ran it."""

    id: str | None
    email: str | None
    name: str | None


class Workflow(Shape):
    """The definition that ran."""

    id: str | None
    name: str | None
    version: str | None


class Trigger(Shape):
    """What set it off."""

    mode: Literal["manual", "scheduled", "triggered"] | None
    event_id: str | None
    event_name: str | None


class Error(Shape):
    """Why it failed."""

    message: str | None
    type: str | None
    stack: str | None = Field(
        default=None, description="a payload: absent without include=payloads when there is one, which `omitted` names"
    )

    @model_serializer(mode="wrap")
    def _without_what_was_not_set(self, shown: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # with a type the document would show that
        return {name: value for name, value in shown(self).items() if name in self.model_fields_set}


class Usage(Shape):
    """What it consumed, over all attempts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Money
    cost_source: Literal["reported", "facts", "computed"] | None


class Budget(Shape):
    """What it may consume, and how much of that is consumed: by its tree, when its scope is that and it is a root."""

    token_limit: int | None
    cost_limit_usd: Money | None
    scope: Literal["tree", "execution"] | None
    consumed_tokens: int | None = Field(description="null of an execution as it was")
    consumed_cost_usd: Money | None = Field(description="null of an execution as it was")


class Tree(Shape):
    """What a root and those come to that name it as theirs; for an owner, of its own executions."""

    executions: int
    open: int
    failed: int
    total_tokens: int
    cost_usd: Money


class Execution(Shape):
    """One run of a workflow."""

    id: UUID
    external_id: str
    tenant_id: str
    owner: Owner | None
    session_id: str | None
    workflow: Workflow | None
    status: ExecutionStatus
    provisional: bool = Field(description="the ending is our guess until the orchestrator is heard again")
    attempt: int
    trigger: Trigger | None
    mode: str | None
    query: str | None
    created_at: Timestamp
    started_at: Timestamp | None
    ended_at: Timestamp | None
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
    tree: Tree | None = Field(description="of a root whose descendants are known")
    paused_at: Timestamp | None = Field(description="since when it waits; null when it does not")
    waiting_for: str | None
    cancelled_by: str | None
    cancel_reason: str | None
    cancel_requested_at: Timestamp | None
    killed_by_budget: bool
    tags: list[str] | None
    labels: dict[str, str] | None
    metadata: dict[str, JsonValue] | None
    parent_execution_id: str | None
    root_execution_id: str
    traceparent: str | None
    version: int = Field(description="how many events it has")
    revision: int = Field(description="rises with each change of it or of its tree")
    capped: list[str] | None = Field(
        description="of which of labels, tags, metadata, steps.metadata and agents it does not hold all that was said"
    )
    omitted: list[str] = Field(
        description="left out: of input, output, result and error.stack what was not asked for; "
        "in lists members above 8 KiB"
    )
    input: JsonValue = Field(default=None, description="only with include=payloads")
    output: JsonValue = Field(default=None, description="only with include=payloads")
    result: str | None = Field(default=None, description="only with include=payloads")


class Step(Shape):
    """One try of a step of an execution, in one iteration and attempt."""

    step_id: str
    name: str | None
    operation: str | None
    iteration: int | None = Field(description="as the producer counts; null when not in a loop")
    total_items: int | None
    attempt: int = Field(description="the one that it belongs to")
    try_number: int
    agent_id: str | None
    parent_id: str | None
    status: StepStatus
    started_at: Timestamp | None
    ended_at: Timestamp | None
    duration_ms: int | None
    provisional: bool
    input: JsonValue = Field(description="a payload: null without include=payloads")
    output: JsonValue = Field(description="a payload: null without include=payloads")
    error: Error | None
    metadata: dict[str, JsonValue] | None


class IgnoredField(Shape):
    """A field that was left out of an event, or read otherwise than it was sent, and the rule."""

    field: str = Field(description="its dotted path within data, `data` for all of it, or an attribute")
    rule: Rule


class Event(Shape):
    """One message about an execution, as it is in the log."""

    event_id: UUID
    id: str = Field(description="as sent; with the source it makes the event_id")
    source: str
    type: str = Field(description="as sent")
    occurred_at: Timestamp
    received_at: Timestamp
    recorded_at: Timestamp
    attempt: int
    sequence: int | None
    outcome: Literal["applied", "late", "rejected"]
    reason: str | None
    ignored: list[IgnoredField] | None
    topic: str
    partition: int
    offset: int
    data: JsonValue = Field(
        description="without include=payloads only the fields that the contract lists for the type, and of those not "
        "input, output, result and error.stack: null of unknown types; bytes as base64"
    )
    data_encoding: Literal["base64"] | None = Field(
        description="base64 where data is bytes, and its text their encoding; null where data is JSON or text"
    )


Cursor = Annotated[str | None, Field(description="for the next page; null on the last one")]


class ExecutionPage(Shape):
    """Executions."""

    items: list[Execution]
    next_cursor: Cursor
    total: int | None = Field(default=None, description="with total=true: as many there are in all")
    total_is_exact: bool | None = Field(default=None, description="with total=true: else it is an estimate")


class StepPage(Shape):
    """Steps, by the time of their first event."""

    items: list[Step]
    next_cursor: Cursor


class EventPage(Shape):
    """Events, in their order."""

    items: list[Event]
    next_cursor: Cursor


class Health(Shape):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(Shape):
    """The database answers, and its schema is one that we read."""

    status: Literal["ready"] = "ready"
    schema_version: int


EXECUTION_FIELDS: Final = tuple(Execution.model_fields)
