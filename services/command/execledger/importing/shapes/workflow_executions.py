"""Rows of `workflow_executions`: content workflows with phases."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from execledger.importing.columns import Column, Refused, Row, document, moment, text, uuid, whole
from execledger.importing.drafts import Draft, Home
from execledger.importing.lifecycle import StepSaid, Table, events_of
from execledger_contracts.status import Status, read_status

TABLE: Final = Table(
    "workflow_executions",
    {
        "id": Column(uuid, is_required=True),
        "workflow_id": Column(uuid, begin="workflow.id"),
        "owner_id": Column(text, begin="owner.id"),
        "execution_status": Column(text, is_required=True),
        "created_at": Column(moment, is_required=True),
        "started_at": Column(moment),
        "completed_at": Column(moment),
        "duration_ms": Column(whole),
        "initial_input": Column(document, begin="input"),
        "phase_results": Column(document),
        "final_output": Column(document, end="output"),
        "error_message": Column(text, end="error.message"),
        "progress_percent": Column(whole),
        "completed_phases": Column(whole),
        "total_phases": Column(whole),
        "tags": Column(document, begin="tags"),
        "metadata": Column(document, begin="metadata"),
    },
    status="execution_status",
    progress={
        "progress_percent": "progress_percent",
        "completed_steps": "completed_phases",
        "total_steps": "total_phases",
    },
)
_PHASE: Final = frozenset({"status", "output", "error", "duration_ms", "metadata"})


def events(row: Row, tenant: str) -> list[Draft]:
    """The events of a workflow's execution; its phases are steps, of which nobody knows when they ran."""
    home = Home(tenant, row["id"], row["id"])
    return events_of(TABLE, row, home, row["id"], list(_phases(row.get("phase_results", {}))))


def _phases(results: Any) -> Iterator[StepSaid]:
    if not isinstance(results, dict):
        raise Refused("phase_results", "should be an object, with a phase under each name")
    for name, phase in results.items():
        yield _phase(name, phase)


def _phase(name: str, phase: Any) -> StepSaid:
    field = f"phase_results.{name}"
    if not isinstance(phase, dict):
        raise Refused(field, "should be an object")
    if unknown := phase.keys() - _PHASE:
        raise Refused(f"{field}.{min(unknown)}", "no event says it")
    return StepSaid(
        field,
        _status(phase.get("status"), field),
        {"id": name, "name": name},
        _present(metadata=phase.get("metadata")),
        _present(
            output=phase.get("output"),
            error=None if phase.get("error") is None else {"message": phase["error"]},
            duration_ms=phase.get("duration_ms"),
        ),
        columns={"error.message": f"{field}.error", **{each: f"{field}.{each}" for each in _PHASE}},
    )


def _status(word: Any, field: str) -> Status:
    status = read_status(word) if isinstance(word, str) else None
    if status is None or status is Status.PENDING:
        raise Refused(f"{field}.status", "is no status of a step that has begun")
    return status


def _present(**said: Any) -> Mapping[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
