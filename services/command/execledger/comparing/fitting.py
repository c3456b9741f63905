"""Rows of older tables and of their views, as both come to where an import may make a row fit. Pure."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from execledger.importing.columns import Column, Row, moment, money
from execledger.importing.lifecycle import Table
from execledger.importing.shapes import (
    crewai_flow_executions,
    executions,
    task_executions,
    workflow_execution_log,
    workflow_executions,
)
from execledger_contracts.status import DONE, FAILURES, OPEN, Status, read_status

WHOLE: Final[Mapping[str, Table]] = {
    shape.TABLE.name: shape.TABLE
    for shape in (
        crewai_flow_executions,
        task_executions,
        workflow_executions,
        workflow_execution_log,
        executions,
    )
}
"""The tables of which a row is an execution."""

# Statuses that a table has one word for, by the one that is read.
_OPEN: Final = dict.fromkeys(OPEN, Status.RUNNING)
_DONE: Final = dict.fromkeys(DONE, Status.COMPLETED)
_FAILED: Final = dict.fromkeys(FAILURES, Status.FAILED)
_ONE_WORD: Final[Mapping[str, Mapping[Status, Status]]] = {
    "task_executions": {**_OPEN, **_FAILED},
    "workflow_executions": _FAILED,
    "workflow_execution_log": {**_OPEN, **_DONE},
    "executions": _FAILED,
}
# What stands where a row says nothing.
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "crewai_flow_executions": {"execution_mode": "manual", "killed_by_budget": False},
    "task_executions": {
        "total_tokens": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_cost_usd": Decimal(0),
        "agents_used": 0,
        "tools_invoked": 0,
        "cache_hits": 0,
    },
    "workflow_executions": {
        "phase_results": {},
        "progress_percent": 0,
        "completed_phases": 0,
        "total_phases": 0,
        "tags": [],
        "metadata": {},
    },
    "workflow_execution_log": {"steps_log": []},
    "executions": {"metrics": {}},
}
_FIGURES: Final = (
    *("total_tokens", "prompt_tokens", "completion_tokens", "cost_usd", "agents_used", "tools_invoked", "cache_hits"),
    *("total_steps", "completed_steps"),
)


def read_columns(columns: Mapping[str, Column], sent: Mapping[str, Any]) -> Row:
    """The values of a row; what is none of its column stays as it came, null stays away."""
    return {name: _value(columns[name], value) for name, value in sent.items() if value is not None}


def fitted(table: str, row: Row) -> Row:
    """What a row of the table and one of the view that shows it both come to."""
    fit: dict[str, Any] = {**_DEFAULTS.get(table, {}), **row}
    if (shape := WHOLE.get(table)) is not None:
        _fit_lifecycle(shape, fit)
    if (fit_columns := _FITS.get(table)) is not None:
        fit_columns(fit)
    return fit


def _value(column: Column, value: Any) -> Any:
    try:
        read = column.read(value)
        return Decimal(read) if column.read is money else read
    except (ValueError, OverflowError):
        return value


def _fit_lifecycle(table: Table, fit: dict[str, Any]) -> None:
    status = fit[table.status] = _status(table.name, fit.get(table.status))
    created_at = fit.get(table.created_at)
    if created_at is not None and table.columns[table.started_at].is_required:
        fit.setdefault(table.started_at, created_at)
    begins_at = fit.get(table.started_at, created_at)
    if isinstance(status, Status) and status not in OPEN and begins_at is not None:
        fit.setdefault(table.ended_at, begins_at + timedelta(milliseconds=fit.get(table.duration_ms, 0)))
    if status is Status.COMPLETED and "progress_percent" in table.progress:
        fit[table.progress["progress_percent"]] = 100


def _status(table: str, word: Any) -> Any:
    """The status that a word stands for there; a word that nobody knows as it is."""
    status = read_status(word) if isinstance(word, str) else None
    return word if status is None else _ONE_WORD.get(table, {}).get(status, status)


def _fit_flow(fit: dict[str, Any]) -> None:
    fit["budget_consumed"] = fit.get("token_count", 0)


def _fit_phases(fit: dict[str, Any]) -> None:
    if isinstance(phases := fit["phase_results"], dict):
        fit["phase_results"] = {name: _phase(phase) for name, phase in phases.items()}


def _phase(phase: Any) -> Any:
    if not isinstance(phase, dict):
        return phase
    return {**_said(phase), "status": _status("workflow_executions", phase.get("status"))}


def _fit_steps(fit: dict[str, Any]) -> None:
    if isinstance(entries := fit["steps_log"], list):
        fit["steps_log"] = [_entry(entry) for entry in entries]


def _entry(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    said = {**_said(entry), "status": _status("workflow_execution_log", entry.get("status"))}
    if (name := said.get("name", said.get("stepName"))) is not None:
        said = {"stepId": name, "name": name, "stepName": name, **said}
    for column in ("startedAt", "endedAt"):
        if column in said:
            said[column] = _value(_MOMENT, said[column])
    if "error" in said:
        said["error"] = {"message": said["error"]} if isinstance(said["error"], str) else _said(said["error"])
    return said


def _fit_metrics(fit: dict[str, Any]) -> None:
    if isinstance(metrics := fit["metrics"], dict):
        fit["metrics"] = {**dict.fromkeys(_FIGURES, 0), **_said(metrics)}


def _fit_tokens(fit: dict[str, Any]) -> None:
    fit.setdefault("total_tokens", fit.get("prompt_tokens", 0) + fit.get("completion_tokens", 0))


def _said(part: Any) -> Any:
    return {name: value for name, value in part.items() if value is not None} if isinstance(part, dict) else part


_MOMENT: Final = Column(moment)
_FITS: Final[Mapping[str, Callable[[dict[str, Any]], None]]] = {
    "crewai_flow_executions": _fit_flow,
    "workflow_executions": _fit_phases,
    "workflow_execution_log": _fit_steps,
    "executions": _fit_metrics,
    "token_usage": _fit_tokens,
}
