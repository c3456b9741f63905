"""What the service shows: the shapes, and how rows become them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from execledger_contracts.ignored import Rule
from execledger_contracts.status import ExecutionStatus, StepStatus
from execledger_query.disclosure import without_payloads
from execledger_query.errors import DamagedError

Row = Mapping[str, Any]
Source = tuple[UUID, UUID]  # execution and event that say a payload
Payloads = Mapping[Source, Row]
Trees = Mapping[tuple[str, str], Row]

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


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Owner(_Shape):
    """Who ran it."""

    id: str | None
    email: str | None
    name: str | None


class Workflow(_Shape):
    """The definition that ran."""

    id: str | None
    name: str | None
    version: str | None


class Trigger(_Shape):
    """What set it off."""

    mode: Literal["manual", "scheduled", "triggered"] | None
    event_id: str | None
    event_name: str | None


class Error(_Shape):
    """Why it failed."""

    message: str | None
    type: str | None
    stack: str | None = Field(description="a payload: null without include=payloads")


class Usage(_Shape):
    """What it consumed, over all attempts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Money
    cost_source: Literal["reported", "facts", "computed"] | None


class Budget(_Shape):
    """What it may consume, and how much of that is consumed: by its tree, when its scope is that and it is a root."""

    token_limit: int | None
    cost_limit_usd: Money | None
    scope: Literal["tree", "execution"] | None
    consumed_tokens: int
    consumed_cost_usd: Money


class Tree(_Shape):
    """What a root and those come to that name it as theirs; for an owner, of its own executions."""

    executions: int
    open: int
    failed: int
    total_tokens: int
    cost_usd: Money


class Execution(_Shape):
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
        description="left out: of input, output and result what was not asked for; in lists members above 8 KiB"
    )
    input: JsonValue = Field(default=None, description="only with include=payloads")
    output: JsonValue = Field(default=None, description="only with include=payloads")
    result: str | None = Field(default=None, description="only with include=payloads")


class Step(_Shape):
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


class IgnoredField(_Shape):
    """A field that was left out of an event, or read otherwise than it was sent, and the rule."""

    field: str = Field(description="its dotted path within data, `data` for all of it, or an attribute")
    rule: Rule


class Event(_Shape):
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


Cursor = Annotated[str | None, Field(description="for the next page; null on the last one")]


class ExecutionPage(_Shape):
    """Executions, newest first."""

    items: list[Execution]
    next_cursor: Cursor


class StepPage(_Shape):
    """Steps, by the time of their first event."""

    items: list[Step]
    next_cursor: Cursor


class EventPage(_Shape):
    """Events, in their order."""

    items: list[Event]
    next_cursor: Cursor


class Health(_Shape):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(_Shape):
    """The database answers, and its schema is one that we read."""

    status: Literal["ready"] = "ready"
    schema_version: int


EXECUTION_FIELDS: Final = tuple(Execution.model_fields)
_NO_TREES: Final[Trees] = {}


def execution_sources(rows: Sequence[Row]) -> list[Source]:
    """The events that hold these executions' payloads, in their order."""
    return _sources(rows, "id", ("input_event_id", "output_event_id", "result_event_id", "error_event_id"))


def step_sources(rows: Sequence[Row]) -> list[Source]:
    """The events that hold these steps' payloads, in their order."""
    return _sources(rows, "execution_id", ("input_event_id", "output_event_id", "error_event_id"))


def execution_of(row: Row, payloads: Payloads, trees: Trees = _NO_TREES) -> Execution:
    """An execution as it is shown; what `payloads` and `trees` lack is null. Raises DamagedError."""
    try:
        return _execution_of(row, payloads, trees.get((row["tenant_id"], row["external_id"])))
    except ValidationError as error:
        raise DamagedError.of_execution(row["id"], _fault(error)) from error


def step_of(row: Row, payloads: Payloads) -> Step:
    """A step as it is shown; what `payloads` lacks is null. Raises DamagedError."""
    try:
        return _step_of(row, payloads)
    except ValidationError as error:
        step = f"{_fault(error)} of step {row['step_id']!r}"
        raise DamagedError.of_execution(row["execution_id"], step) from error


def event_of(row: Row, *, with_payloads: bool) -> Event:
    """An event as it is shown. Raises DamagedError."""
    data = row["data"] if with_payloads else without_payloads(row["type"], row["data"])
    try:
        return Event(**{**{name: row[name] for name in Event.model_fields}, "data": data})
    except ValidationError as error:
        raise DamagedError.of_event(row["event_id"]) from error


def shown_fields(wanted: Collection[str], *, with_payloads: bool) -> set[str]:
    """The members of an execution that an answer has: those wanted, or all; payloads only when included."""
    fields = set(wanted) or set(EXECUTION_FIELDS)
    return fields if with_payloads else fields - set(PAYLOAD_FIELDS)


_PARTS: Final = ("owner", "workflow", "trigger", "error", "usage", "budget", "tree")
_ASSEMBLED: Final = {*_PARTS, "revision", "omitted", *PAYLOAD_FIELDS}
_OWNER: Final = {name: f"owner_{name}" for name in Owner.model_fields}
_WORKFLOW: Final = {name: f"workflow_{name}" for name in Workflow.model_fields}
_TRIGGER: Final = {name: f"trigger_{name}" for name in Trigger.model_fields}
_SAME_IN_EXECUTION: Final = tuple(name for name in EXECUTION_FIELDS if name not in _ASSEMBLED)
_MEMBERS: Final = {"error_message": "error.message"}  # of columns that are shown within an object
_SAME_IN_STEP: Final = tuple(name for name in Step.model_fields if name not in _ASSEMBLED)
_same_in_execution = itemgetter(*_SAME_IN_EXECUTION)  # at once: a list builds fifty of them
_same_in_step = itemgetter(*_SAME_IN_STEP)
_usage = itemgetter(*Usage.model_fields)
_payload_events = itemgetter(*(f"{name}_event_id" for name in PAYLOAD_FIELDS))


def _execution_of(row: Row, payloads: Payloads, tree: Row | None) -> Execution:
    consumed = tree if tree is not None and row["budget_scope"] == "tree" else row
    return Execution(
        **dict(zip(_SAME_IN_EXECUTION, _same_in_execution(row), strict=True)),
        owner=_part(Owner, row, _OWNER),
        workflow=_part(Workflow, row, _WORKFLOW),
        trigger=_part(Trigger, row, _TRIGGER),
        error=_error(row, row["id"], payloads),
        usage=Usage(**dict(zip(Usage.model_fields, _usage(row), strict=True))),
        budget=Budget(
            token_limit=row["token_limit"],
            cost_limit_usd=row["cost_limit_usd"],
            scope=row["budget_scope"],
            consumed_tokens=consumed["total_tokens"],
            consumed_cost_usd=consumed["cost_usd"],
        ),
        tree=None if tree is None else Tree(**{name: tree[name] for name in Tree.model_fields}),
        omitted=_omitted(row, payloads),
        revision=row["version"] + (0 if tree is None else tree["revision"]),
        **{name: _payload(name, row, row["id"], payloads) for name in PAYLOAD_FIELDS},
    )


def _step_of(row: Row, payloads: Payloads) -> Step:
    return Step(
        **dict(zip(_SAME_IN_STEP, _same_in_step(row), strict=True)),
        input=_payload("input", row, row["execution_id"], payloads),
        output=_payload("output", row, row["execution_id"], payloads),
        error=_error(row, row["execution_id"], payloads),
    )


def _fault(error: ValidationError) -> str:
    return ".".join(map(str, error.errors()[0]["loc"]))


def _sources(rows: Sequence[Row], execution: str, events: Sequence[str]) -> list[Source]:
    return [*dict.fromkeys((row[execution], row[event]) for row in rows for event in events if row[event] is not None)]


def _part(shape: type[_Shape], row: Row, columns: Mapping[str, str]) -> Any:
    """An object made of the columns that begin alike; null when none of them says anything."""
    values = {name: row[column] for name, column in columns.items()}
    return shape(**values) if [*values.values()].count(None) < len(values) else None


def _error(row: Row, execution_id: UUID, payloads: Payloads) -> Error | None:
    if row["error_event_id"] is None:
        return None
    stack = payloads.get((execution_id, row["error_event_id"]), {}).get("stack")
    return Error(message=row["error_message"], type=row["error_type"], stack=stack)


def _omitted(row: Row, payloads: Payloads) -> list[str]:
    """The names of what is there and not shown; it can all be had of the execution alone."""
    events = zip(PAYLOAD_FIELDS, _payload_events(row), strict=True)
    hidden = [name for name, event in events if event is not None and (row["id"], event) not in payloads]
    large = row.get("large_columns")
    return [*(_MEMBERS.get(column, column) for column in large), *hidden] if large else hidden


def _payload(name: str, row: Row, execution_id: UUID, payloads: Payloads) -> Any:
    return payloads.get((execution_id, row[f"{name}_event_id"]), {}).get(name)
