"""Prefect's events of flow runs and task runs.

Made from PrefectHQ/prefect 3.x: src/prefect/server/models/events.py and src/prefect/task_engine.py, and the event
specification of docs.prefect.io/v3/concepts/events. A flow run is an execution, a task run a step of it.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from execledger_contracts.adapters.foreign import (
    Document,
    at,
    event,
    first,
    needed,
    own_type,
    part,
    parts,
    said,
    some,
    text,
    whole,
)

SOURCE: Final = "urn:prefect"

_FLOW_RUN: Final = "prefect.flow-run."
_TASK_RUN: Final = "prefect.task-run."
_ENDINGS: Final = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CRASHED": "failed",
    "CANCELLED": "cancelled",
}
_MODES: Final = {"deployment": "scheduled", "automation": "triggered"}


def translate(document: Document, key: str | None) -> Iterator[Document]:
    """A change of state as an event of its execution or step. Raises Untranslatable.

    An event that has nothing to do with a flow run gives none; another one of a flow run keeps its own type.
    """
    sent = part(document, "event") or document
    resource_id = text(sent, "resource", "prefect.resource.id") or ""
    run_id = resource_id.removeprefix(_FLOW_RUN) if resource_id.startswith(_FLOW_RUN) else _related(sent, "flow-run")
    if run_id is None:
        return
    name, id_ = needed(text(sent, "event"), "event"), needed(text(sent, "id"), "id")
    time = needed(text(sent, "occurred"), "occurred")
    if name.startswith(_FLOW_RUN) and (found := _of_flow_run(sent)) is not None:
        kind, data = found
        yield event(f"execution.{kind}", id_, SOURCE, run_id, time, {**data, "original": sent}, attempt=_runs(sent))
    elif name.startswith(_TASK_RUN) and (found := _of_task_run(sent)) is not None:
        kind, data = found
        flow_runs = whole(sent, "payload", "task_run", "flow_run_run_count") or None
        yield event(f"step.{kind}", id_, SOURCE, run_id, time, {**data, "original": sent}, attempt=flow_runs)
    else:
        yield event(own_type("prefect", name.removeprefix("prefect.")), id_, SOURCE, run_id, time, sent)


def _of_flow_run(sent: Document) -> tuple[str, Document] | None:
    state, name, message = _state(sent)
    match state:
        case "SCHEDULED" | "PENDING" if not whole(sent, "resource", "prefect.run-count"):
            return "created", _beginning(sent)
        case "RUNNING" if text(sent, "payload", "intended", "from") == "PAUSED":
            return "resumed", said(reason=message)
        case "RUNNING":
            return "started", _beginning(sent)
        case "SCHEDULED" | "PENDING":
            return "progressed", said(message=first(message, name))
        case "PAUSED":
            return "paused", said(waiting_for=first(message, name))
        case "CANCELLING":
            return "cancel_requested", said(reason=message)
        case "CANCELLED":
            return "cancelled", said(reason=message)
    return (_ending(state, name), said(error=_error(sent))) if state in _ENDINGS else None


def _of_task_run(sent: Document) -> tuple[str, Document] | None:
    """A wait for another try ends the try that was."""
    state, name, _ = _state(sent)
    say = partial(said, step=_step(sent), metadata=some(state=name))
    if state == "RUNNING":
        return "started", say(input=at(sent, "payload", "task_run", "task_inputs"))
    if name == "AwaitingRetry":
        return "failed", say(error=_error(sent))
    return (_ending(state, name), say(error=_error(sent))) if state in _ENDINGS else None


def _state(sent: Document) -> tuple[str, str | None, str | None]:
    """Type, name and message of the state that was entered."""
    entered, resource = part(sent, "payload", "validated_state"), part(sent, "resource")
    type_ = first(text(resource, "prefect.state-type"), text(entered, "type")) or ""
    name = first(text(resource, "prefect.state-name"), text(entered, "name"))
    return type_.upper(), name, first(text(entered, "message"), text(resource, "prefect.state-message"))


def _ending(state: str, name: str | None) -> str:
    return "timed_out" if name == "TimedOut" else _ENDINGS[state]


def _error(sent: Document) -> Document | None:
    state, name, message = _state(sent)
    return some(message=message, type=name) if state != "COMPLETED" else None


def _runs(sent: Document) -> int | None:
    """How often the flow run began so far: its attempt."""
    return whole(sent, "resource", "prefect.run-count") or None


def _beginning(sent: Document) -> Document:
    name = _related(sent, "flow", "prefect.resource.name")
    creator = _related(sent, "creator", "prefect.resource.id") or ""
    mode = _MODES.get(creator.removeprefix("prefect.").partition(".")[0])
    return said(
        workflow=some(id=_related(sent, "flow"), name=name),
        trigger=some(mode=mode),
        tags=[tag for each in _all_related(sent, "tag") if (tag := _id(each))] or None,
        labels=some(
            run_name=text(sent, "resource", "prefect.resource.name"),
            deployment=_related(sent, "deployment", "prefect.resource.name"),
            work_pool=_related(sent, "work-pool", "prefect.resource.name"),
            parent_task_run=_related(sent, "task-run"),
        ),
    )


def _step(sent: Document) -> Document:
    task_run = part(sent, "payload", "task_run")
    return said(
        id=needed(_id(part(sent, "resource")), "resource.prefect.resource.id"),
        name=first(text(sent, "resource", "prefect.resource.name"), text(task_run, "name")),
        operation=text(task_run, "task_key"),
        try_number=whole(task_run, "run_count") or None,
    )


def _all_related(sent: Document, role: str) -> list[Document]:
    return [each for each in parts(sent, "related") if each.get("prefect.resource.role") == role]


def _related(sent: Document, role: str, what: str | None = None) -> str | None:
    """The first resource that stands in that role: its id, without what kind it is of, or another label of it."""
    found = _all_related(sent, role)
    if not found:
        return None
    return text(found[0], what) if what else _id(found[0])


def _id(resource: Document) -> str | None:
    whole_id = text(resource, "prefect.resource.id") or ""
    return whole_id.split(".", 2)[-1] or None
