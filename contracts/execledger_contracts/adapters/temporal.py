"""Events of Temporal's workflow histories.

Made from temporalio/api, temporal/api/history/v1/message.proto and enums/v1/event_type.proto, in the JSON that
`temporal workflow show --output json`, the SDKs' `to_json` and the history export write, with either spelling of types.
A run is an execution; its activities, timers and child workflows are steps, each known by the event that began it.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from execledger_contracts.adapters.foreign import (
    Document,
    each,
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

SOURCE: Final = "urn:temporal"

_RUN: Final = "workflow_execution_"
_ENDS: Final = {
    "completed": "completed",
    "failed": "failed",
    "timed_out": "timed_out",
    "canceled": "cancelled",
    "terminated": "cancelled",
    "continued_as_new": "completed",
    "fired": "completed",
}
_BEGINS: Final = {
    "activity_task_scheduled": "activity",
    "timer_started": "timer",
    "start_child_workflow_execution_initiated": "child_workflow",
}
_STEP_ENDS: Final = {
    "activity_task_": "scheduledEventId",
    "timer_": "startedEventId",
    "child_workflow_execution_": "initiatedEventId",
}
_DEEPEST_CAUSE: Final = 20


class _Run(NamedTuple):
    """Whose history it is, and how it is called."""

    id: str
    is_known: bool  # by its own id; otherwise by its workflow's, of which several runs may have events of one number
    workflow_id: str | None
    begun: Mapping[str, tuple[str, Document]]  # steps by the event that began them: its type and attributes


def translate(document: Document, key: str | None) -> Iterator[Any]:
    """The events of a history, of several that were exported together, or one event that names its run."""
    for exported in parts(document, "items"):
        yield from translate(exported, key)
    history = part(document, "history") or document
    events = parts(history, "events") if "events" in history else [document] if "eventType" in document else []
    if events:
        run = _run_of(document, events, key)
        yield from each(events, partial(_of_event, run))
    elif "items" not in document:
        needed(None, "events")


def _run_of(document: Document, events: list[Document], key: str | None) -> _Run:
    began = part(events[0], "workflowExecutionStartedEventAttributes")
    run_id = first(
        text(document, "workflowExecution", "runId"), text(document, "runId"), text(began, "originalExecutionRunId")
    )
    workflow_id = first(
        text(document, "workflowExecution", "workflowId"), text(document, "workflowId"), text(began, "workflowId"), key
    )
    id_ = needed(first(run_id, workflow_id), "workflowExecution.runId, or the record's key")
    return _Run(id_, run_id is not None, workflow_id, _begun(events))


def _of_event(run: _Run, sent: Document) -> Iterator[Document]:
    number = needed(text(sent, "eventId"), "eventId")
    time = needed(text(sent, "eventTime"), "eventTime")
    kind = _spelled(needed(text(sent, "eventType"), "eventType"))
    attributes = _attributes(sent)
    id_ = number if run.is_known else f"{number}/{text(sent, 'taskId') or time}"
    say = partial(event, source=SOURCE, subject=run.id, time=time, sequence=whole(sent, "eventId"))
    if kind == "activity_task_started" and (failed := _try_before(run, attributes)):
        yield say("step.failed", f"{id_}/before", data=failed)
    type_, data = _meaning(run, kind, number, attributes)
    yield say(type_, id_, data=sent if data is None else {**data, "original": sent})


def _spelled(type_: str) -> str:
    """As `activity_task_started` of `EVENT_TYPE_ACTIVITY_TASK_STARTED` and of `ActivityTaskStarted`."""
    if type_.isupper():
        return type_.removeprefix("EVENT_TYPE_").lower()
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type_).lower()


def _meaning(run: _Run, kind: str, number: str, attributes: Document) -> tuple[str, Document | None]:
    """The type of the table, and what is said; of a type that has no place in it, its own, and None."""
    if kind == "workflow_execution_started":
        return "execution.started", _beginning(run, attributes)
    if kind == "workflow_execution_cancel_requested":
        by = text(attributes, "identity")
        return "execution.cancel_requested", said(reason=text(attributes, "cause"), requested_by=by)
    if kind.startswith(_RUN) and (ending := _ENDS.get(kind.removeprefix(_RUN))):
        return f"execution.{ending}", _end_of_run(kind, ending, attributes)
    if kind in _BEGINS:
        return "step.started", _step_begun(kind, number, attributes)
    return _step_meaning(run, kind, attributes) or (own_type("temporal", kind), None)


def _beginning(run: _Run, attributes: Document) -> Document:
    name, parent = text(attributes, "workflowType", "name"), part(attributes, "parentWorkflowExecution")
    return said(
        workflow=some(id=name, name=name),
        parent_execution_id=first(text(parent, "runId"), text(parent, "workflowId")),
        root_execution_id=first(
            text(attributes, "rootWorkflowExecution", "runId"), text(parent, "runId"), text(parent, "workflowId")
        ),
        trigger=some(mode="scheduled") if text(attributes, "cronSchedule") else None,
        input=_payloads(part(attributes, "input")),
        timeout_seconds=_seconds(text(attributes, "workflowRunTimeout"), text(attributes, "workflowExecutionTimeout")),
        labels=some(workflow_id=run.workflow_id, task_queue=text(attributes, "taskQueue", "name")),
        metadata=some(
            temporal_attempt=whole(attributes, "attempt"), continued_from=text(attributes, "continuedExecutionRunId")
        ),
    )


def _end_of_run(kind: str, ending: str, attributes: Document) -> Document:
    is_stopped = ending == "cancelled"
    return said(
        output=_payloads(part(attributes, "result")),
        error=_error(part(attributes, "failure")) if ending in ("failed", "timed_out") else None,
        reason=text(attributes, "reason") if is_stopped else None,
        cancelled_by=text(attributes, "identity") if is_stopped else None,
        metadata=some(continued_as=text(attributes, "newExecutionRunId"), ended_by=kind if is_stopped else None),
    )


def _step_begun(kind: str, number: str, attributes: Document) -> Document:
    step = {"id": number, **_name_of(kind, attributes)}
    metadata = some(activity_id=text(attributes, "activityId"), child_workflow_id=text(attributes, "workflowId"))
    return said(step=step, input=_payloads(part(attributes, "input")), metadata=metadata)


def _name_of(kind: str, attributes: Document) -> Document:
    """Name and operation of the step that such an event begins."""
    name = first(
        text(attributes, "activityType", "name"), text(attributes, "workflowType", "name"), text(attributes, "timerId")
    )
    return said(name=name, operation=_BEGINS[kind])


def _named(run: _Run, id_: str) -> Document:
    """A step, with its name where the event that began it is in the same document."""
    return {"id": id_, **(_name_of(*run.begun[id_]) if id_ in run.begun else {})}


def _begun(events: list[Document]) -> Mapping[str, tuple[str, Document]]:
    spelled = [(text(sent, "eventId"), _spelled(text(sent, "eventType") or ""), sent) for sent in events]
    return {id_: (kind, _attributes(sent)) for id_, kind, sent in spelled if id_ is not None and kind in _BEGINS}


def _attributes(sent: Document) -> Document:
    """What an event says, under a name made of its type."""
    found = next((value for name, value in sent.items() if name.endswith("EventAttributes")), None)
    return found if isinstance(found, dict) else {}


def _step_meaning(run: _Run, kind: str, attributes: Document) -> tuple[str, Document] | None:
    """What befell a step; None when it is about none, or says nothing that a step shows."""
    for prefix, begun_by in _STEP_ENDS.items():
        id_ = text(attributes, begun_by)
        if not kind.startswith(prefix) or id_ is None:
            continue
        what = kind.removeprefix(prefix)
        if kind == "activity_task_started":
            step = said(**_named(run, id_), try_number=whole(attributes, "attempt") or None)
            return "step.started", said(step=step, metadata=some(worker=text(attributes, "identity")))
        if (ending := _ENDS.get(what)) is not None:
            error = _error(part(attributes, "failure")) if ending in ("failed", "timed_out") else None
            output = _payloads(part(attributes, "result"))
            return f"step.{ending}", said(step=_named(run, id_), output=output, error=error)
    return None


def _try_before(run: _Run, attributes: Document) -> Document | None:
    """The try before the one that begins, of which a history tells nothing else."""
    attempt, id_ = whole(attributes, "attempt"), text(attributes, "scheduledEventId")
    if attempt is None or attempt < 2 or id_ is None or not part(attributes, "lastFailure"):
        return None
    return said(step=said(**_named(run, id_), try_number=attempt - 1), error=_error(part(attributes, "lastFailure")))


def _error(failure: Document) -> Document | None:
    """The cause below all that wraps it."""
    for _ in range(_DEEPEST_CAUSE):
        failure = part(failure, "cause") or failure
    kind = first(text(failure, "applicationFailureInfo", "type"), text(failure, "timeoutFailureInfo", "timeoutType"))
    return some(message=text(failure, "message"), type=kind, stack=text(failure, "stackTrace"))


def _payloads(holder: Document) -> Any:
    """What the payloads say: one by itself, several as a list; what is no JSON stays as it came."""
    found = [_payload(each) for each in parts(holder, "payloads")]
    return found[0] if len(found) == 1 else found or None


def _payload(payload: Document) -> Any:
    try:
        return json.loads(base64.b64decode(text(payload, "data") or "", validate=True))
    except (binascii.Error, ValueError):
        return payload


def _seconds(*said_of: str | None) -> float | None:
    """The first duration that is one, as `3600s`; 0 stands for none."""
    for each_said in said_of:
        if each_said and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?s", each_said) and float(each_said[:-1]) > 0:
            return float(each_said[:-1])
    return None
