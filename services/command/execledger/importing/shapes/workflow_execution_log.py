"""Rows of `workflow_execution_log`: workflows that events set off, with a log of their steps."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from execledger.importing.columns import Column, Refused, Row, document, moment, text, whole
from execledger.importing.drafts import Draft, Home
from execledger.importing.lifecycle import StepSaid, Table, events_of
from execledger_contracts.status import OPEN, Status, read_status

TABLE: Final = Table(
    "workflow_execution_log",
    {
        "id": Column(text, is_required=True),
        "run_id": Column(text, is_required=True),
        "workflow_function_id": Column(text, begin="labels.workflow_function_id"),
        "workflow_name": Column(text, begin="workflow.name"),
        "event_id": Column(text, begin="trigger.event_id"),
        "event_name": Column(text, begin="trigger.event_name"),
        "input_payload": Column(document, begin="input"),
        "status": Column(text, is_required=True),
        "started_at": Column(moment, is_required=True),
        "ended_at": Column(moment),
        "duration_ms": Column(whole),
        "steps_log": Column(document),
        "output_payload": Column(document, end="output"),
        "error": Column(text, end="error.message"),
        "error_stack": Column(text, end="error.stack"),
        "workflow_id": Column(text, begin="workflow.id"),
        "organisation_id": Column(text),
        "workflow_version_id": Column(text, begin="workflow.version"),
    },
    external_id="run_id",
    ended_at="ended_at",
)
_STEP: Final = {
    "stepId": "id",
    "operation": "operation",
    "iteration": "iteration",
    "totalItems": "total_items",
}
_OUTCOME: Final = {"output": "output", "durationMs": "duration_ms"}
_ERROR: Final = {"message": "message", "stack": "stack", "name": "type"}
_ENDED: Final = ("endedAt", "output", "error", "durationMs", "unexpected")
_ENTRY: Final = frozenset({*_STEP, "stepName", "name", "status", "input", "startedAt", *_ENDED})


def events(row: Row, tenant: str) -> list[Draft]:
    """The events of a run and of its steps; the tenant is its organisation, if it has one."""
    name = row["run_id"]
    home = Home(row.get("organisation_id", tenant), name, name)
    return events_of(TABLE, row, home, row["id"], list(_steps(row.get("steps_log", []))))


def _steps(log: Any) -> Iterator[StepSaid]:
    if not isinstance(log, list):
        raise Refused("steps_log", "should be an array of steps")
    tries = Counter[tuple[Any, Any]]()
    for number, entry in enumerate(log):
        field = f"steps_log[{number}]"
        if not isinstance(entry, dict):
            raise Refused(field, "should be an object")
        said = {name: value for name, value in entry.items() if value is not None}
        if unknown := said.keys() - _ENTRY:
            raise Refused(f"{field}.{min(unknown)}", "no event says it")
        step = _step(said, field)
        tries[key := (step.get("id"), str(step.get("iteration")))] += 1
        yield _said(said, {**step, "try_number": tries[key]}, field)


def _step(entry: Mapping[str, Any], field: str) -> dict[str, Any]:
    name = entry.get("name", entry.get("stepName"))
    if entry.get("stepName", name) != name:
        raise Refused(f"{field}.stepName", "is not the same as name: a step has one")
    step = {ours: entry[theirs] for theirs, ours in _STEP.items() if theirs in entry}
    if name is not None:
        step["name"] = name
    step.setdefault("id", name)
    if not isinstance(step["id"], str) or not step["id"]:
        raise Refused(f"{field}.stepId", "is missing")
    return step


def _said(entry: Mapping[str, Any], step: Mapping[str, Any], field: str) -> StepSaid:
    status, ended_at = _status(entry, field), _moment(entry, "endedAt", field)
    ended = {
        ours: entry[theirs] for theirs, ours in (("output", "output"), ("durationMs", "duration_ms")) if theirs in entry
    }
    if "error" in entry:
        ended["error"] = _error(entry["error"], field)
    if ended_at is None and status not in OPEN:
        ended["unexpected"] = True
    return StepSaid(
        field,
        status,
        step,
        {"input": entry["input"]} if "input" in entry else {},
        ended,
        _moment(entry, "startedAt", field),
        ended_at,
        {
            "duration_ms": f"{field}.durationMs",
            **{f"step.{ours}": f"{field}.{theirs}" for theirs, ours in _STEP.items()},
            **{same: f"{field}.{same}" for same in ("input", "output", "error")},
        },
    )


def _status(entry: Mapping[str, Any], field: str) -> Status:
    word = entry.get("status")
    status = read_status(word) if isinstance(word, str) else None
    if status is None or status is Status.PENDING:
        raise Refused(f"{field}.status", "is no status of a step that has begun")
    if status in OPEN and (said := set(_ENDED) & entry.keys()):
        raise Refused(f"{field}.{min(said)}", f"is known when a step has ended, and this one is {status}")
    return status


def _error(error: Any, field: str) -> Mapping[str, Any]:
    if isinstance(error, str):
        return {"message": error}
    if not isinstance(error, dict):
        raise Refused(f"{field}.error", "should be an object with message, stack and name")
    if unknown := error.keys() - _ERROR.keys():
        raise Refused(f"{field}.error.{min(unknown)}", "no event says it")
    return {_ERROR[name]: value for name, value in error.items() if value is not None}


def _moment(entry: Mapping[str, Any], name: str, field: str) -> datetime | None:
    if name not in entry:
        return None
    try:
        return moment(entry[name])
    except ValueError as error:
        raise Refused(f"{field}.{name}", str(error)) from None
