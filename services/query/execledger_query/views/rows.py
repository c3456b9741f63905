"""How rows become what is shown. Pure."""

from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from execledger_query.disclosure import without_payloads
from execledger_query.errors import DamagedError
from execledger_query.views.shapes import (
    EXECUTION_FIELDS,
    PAYLOAD_FIELDS,
    Budget,
    Error,
    Event,
    Execution,
    Owner,
    Shape,
    Step,
    Tree,
    Trigger,
    Usage,
    Workflow,
)

Row = Mapping[str, Any]
Source = tuple[UUID, UUID]  # execution and event that say a payload
Payloads = Mapping[Source, Row]
Trees = Mapping[tuple[str, str], Row]

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


def workflow_of(row: Row) -> Workflow | None:
    """The definition that an execution ran; null when nothing was said of it."""
    workflow: Workflow | None = _part(Workflow, row, _WORKFLOW)
    return workflow


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
        workflow=workflow_of(row),
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


def _part(shape: type[Shape], row: Row, columns: Mapping[str, str]) -> Any:
    """An object made of the columns that begin alike; null when none of them says anything."""
    values = {name: row[column] for name, column in columns.items()}
    return shape(**values) if [*values.values()].count(None) < len(values) else None


def _error(row: Row, execution_id: UUID, payloads: Payloads) -> Error | None:
    if row["error_event_id"] is None:
        return None
    said = {"message": row["error_message"], "type": row["error_type"]}
    if (source := (execution_id, row["error_event_id"])) in payloads:
        said["stack"] = payloads[source].get("stack")
    elif not row.get("has_stack"):
        said["stack"] = None
    return Error(**said)


def _omitted(row: Row, payloads: Payloads) -> list[str]:
    """The names of what is there and not shown; it can all be had of the execution alone."""
    events = zip(PAYLOAD_FIELDS, _payload_events(row), strict=True)
    hidden = [name for name, event in events if event is not None and (row["id"], event) not in payloads]
    if row["has_stack"] and (row["id"], row["error_event_id"]) not in payloads:
        hidden.append("error.stack")
    large = row.get("large_columns")
    return [*(_MEMBERS.get(column, column) for column in large), *hidden] if large else hidden


def _payload(name: str, row: Row, execution_id: UUID, payloads: Payloads) -> Any:
    return payloads.get((execution_id, row[f"{name}_event_id"]), {}).get(name)
